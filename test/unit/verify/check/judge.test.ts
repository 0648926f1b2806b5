/** The twin's outcome, made up, as findings: what the kernel says, what is known better, what is not sure. */
import { describe, expect, it } from 'vitest';
import type { LoadedModule } from '../../../../src/loader/model.ts';
import { Exporters } from '../../../../src/verify/check/exporters.ts';
import { Findings, notJudged } from '../../../../src/verify/check/finding.ts';
import { knownMessage } from '../../../../src/verify/check/kernel-messages.ts';
import { loadOrder } from '../../../../src/verify/check/together.ts';
import { knowledge } from '../../../support/kernel-knowledge.ts';
import { ObjectBuilder, R } from '../../../support/object-builder.ts';
import { BLR, b } from '../../../support/words.ts';
import { codesOf, ENOEXEC, judged, modinfo, outcome } from './support.ts';

const EINVAL = { name: 'EINVAL', number: 22 };
const ENOENT = { name: 'ENOENT', number: 2 };

function module(entries: Readonly<Record<string, string>> = { name: 'demo' }, sibling = false): Uint8Array {
  const builder = new ObjectBuilder();
  builder.section('.modinfo', { bytes: modinfo({ vermagic: knowledge().vermagic, ...entries }) });
  const text = builder.code('.text', [b(0), BLR]);
  builder.function('f', text, 0, 8);
  if (sibling) builder.relocate(text, 0, R.REL24, builder.undefined('away'));
  return builder.build();
}

describe('what the kernel says', () => {
  it.each([
    ['demo: Unknown symbol gone (err -2)', 'SYM301'],
    ['demo: disagrees about version of symbol f', 'SYM303'],
    ['demo: no symbol version for f', 'SYM304'],
    ['demo: no extended symbol version for f', 'SYM304'],
    ['demo: module uses symbol (f) from namespace N, but does not import it.', 'SYM305'],
    ['demo: exports duplicate symbol f (owned by kernel)', 'SYM306'],
    ['demo: please compile with -fno-common', 'SYM307'],
    ["demo: version magic '6.1.0 SMP ' should be '6.1.1 SMP '", 'MOD301'],
    ["demo: `abc' invalid for parameter `n'", 'MOD303'],
    ["demo: `' too large for parameter `n'", 'MOD303'],
    ['Invalid ELF header len 5', 'ELF301'],
    ['Invalid ELF header magic: != \u007fELF', 'ELF301'],
    ['Invalid architecture in ELF header: 62', 'ELF301'],
    ['Invalid ELF section header overflow', 'ELF302'],
    ['Invalid ELF sh_link!=SHN_UNDEF(99) or (sh_link(99) >= hdr->e_shnum(40)', 'ELF302'],
    ["ELF Spec violation: section name table isn't null terminated", 'ELF302'],
    ['demo: Symbol f has an invalid section index 99 (max 40)', 'ELF303'],
    ['demo: No module found in object', 'ELF304'],
    ['module demo: Only one .gnu.linkonce.this_module section must exist.', 'ELF304'],
    ['demo: module has no symbols (stripped?)', 'ELF305'],
    ['demo: section .text (index 3) has invalid WRITE|EXEC flags', 'ELF306'],
    ['module_64: demo: Unknown ADD relocation: 11', 'REL301'],
    ['module_64: demo: bad TOC16 relocation (0x8000)', 'REL302'],
    ['module_64: demo: REL24 33554432 out of range!', 'REL302'],
    ['module_64: demo: Expected nop after call, got e8410018 at f+0x8/0x20 [demo]', 'REL303'],
    ["module_64: demo: doesn't contain .stubs.", 'REL304'],
    ['module_64: demo: Address of ftrace_caller out of range of kernel_toc.', 'REL305'],
    ['Loading of unsigned module is rejected', 'SIG301'],
    ['demo: module is marked as livepatch module, but livepatch support is disabled', 'KLP301'],
    ['livepatch: symbol f is not marked as a livepatch symbol', 'KLP302'],
    ['livepatch: symbol f at rela sec 3 idx 4 is not marked as a livepatch symbol', 'KLP302'],
    ['livepatch: section .klp.rela has an incorrectly formatted name', 'KLP303'],
    ["livepatch: symbol 'f' not found in symbol table", 'KLP304'],
    ["livepatch: unresolvable ambiguity for symbol 'f' in object 'x'", 'KLP304'],
  ])('%s', (text, code) => {
    expect(knownMessage(text)?.known.code).toBe(code);
    const result = judged(
      outcome({ errno: ENOEXEC, lines: ['demo: loading out-of-tree module taints kernel.', text] }),
      module(),
    );
    expect(codesOf(result.findings)).toEqual([`error ${code}`]);
    expect(result).toMatchObject({ loads: false, errno: 'ENOEXEC', kernelMessage: text });
    expect(result.findings[0]!.message.startsWith(text)).toBe(true);
  });

  it('is told once for a symbol: the reason, not the consequence', () => {
    const lines = [
      'demo: disagrees about version of symbol f',
      'demo: Unknown symbol f (err -22)',
      'demo: Unknown symbol g (err -2)',
    ];
    const result = judged(outcome({ errno: ENOENT, lines }), module());
    expect(codesOf(result.findings)).toEqual(['error SYM303', 'error SYM301']);
    expect(result.kernelMessage).toBe(lines.join('\n'));
  });

  it('may be nothing, or words without a code', () => {
    const silent = judged(outcome({ errno: ENOEXEC, step: 'layout' }), module());
    expect(codesOf(silent.findings)).toEqual(['error MOD390']);
    expect(silent.findings[0]!.message).toContain('layout');
    expect(silent).not.toHaveProperty('kernelMessage');
    const strange = judged(outcome({ errno: EINVAL, lines: ['demo: no such words'] }), module());
    expect(codesOf(strange.findings)).toEqual(['error MOD390']);
    expect(strange.kernelMessage).toBe('demo: no such words');
  });

  it('is a warning where it goes on', () => {
    const result = judged(
      outcome({ lines: ["demo: unknown parameter 'x' ignored", 'demo: loading out-of-tree module taints kernel.'] }),
      module(),
    );
    expect(codesOf(result.findings)).toEqual(['warning MOD308']);
    expect(result).toMatchObject({ loads: true });
    expect(result).not.toHaveProperty('errno');
  });
});

describe('an unknown symbol', () => {
  const unknown = outcome({ errno: ENOENT, lines: ['demo: Unknown symbol f (err -2)'] });

  it('may be there for GPL-compatible modules only', () => {
    const kernel = knowledge({ exports: [{ name: 'f', gplOnly: true }] });
    expect(codesOf(judged(unknown, module(), kernel).findings)).toEqual(['error SYM302']);
    const other: LoadedModule = {
      name: 'other',
      gplCompatible: true,
      exports: new Map([['f', { name: 'f', address: 1n, crc: 1, gplOnly: true, namespace: '' }]]),
    };
    const found = judged(unknown, module(), knowledge(), () => other).findings;
    expect(codesOf(found)).toEqual(['error SYM302']);
    expect(found[0]!.message).toContain('other exports it');
  });

  it('may be in the kernel without being exported', () => {
    const kernel = knowledge({ symbols: { f: [1n] } });
    const found = judged(unknown, module(), kernel).findings;
    expect(codesOf(found)).toEqual(['error SYM301']);
    expect(found[0]!.message).toContain('does not export it');
    expect(codesOf(judged(unknown, module({ livepatch: 'Y' }), kernel).findings)).toEqual(['error KLP213']);
  });
});

describe('what the kernel does not say', () => {
  it('is told beside it, whether it loads or not', () => {
    const bytes = module({ name: 'demo' }, true);
    expect(codesOf(judged(outcome(), bytes).findings)).toEqual(['error TOC201']);
    const refused = judged(
      outcome({ errno: ENOEXEC, lines: ['demo: Expected nop after call, got 60000000 at f'] }),
      bytes,
    );
    expect(codesOf(refused.findings)).toEqual(['error REL303', 'error TOC201']);
  });

  it('includes remarks of the twin, and danger that nothing else explains', () => {
    const remark = { code: 'REL001', level: 'error' as const, message: 'far' };
    expect(codesOf(judged(outcome({ remarks: [remark], dangerous: true }), module()).findings)).toEqual([
      'error REL001',
    ]);
    expect(codesOf(judged(outcome({ dangerous: true }), module()).findings)).toEqual(['error MOD391']);
  });

  it('includes what only the running kernel knows, where it matters', () => {
    const unsure = outcome({ unknown: ['whether the kernel has the key of the signature was not checked'] });
    expect(codesOf(judged(unsure, module()).findings)).toEqual(['note SIG302']);
    const refused = outcome({ errno: ENOEXEC, lines: ['demo: no symbol version for x'], unknown: unsure.unknown });
    expect(codesOf(judged(refused, module()).findings)).toEqual(['error SYM304']);
    const enforcing = knowledge({ options: { moduleSigForce: true } });
    expect(codesOf(judged(unsure, module(), enforcing).findings)).toEqual(['warning MOD392']);
  });

  it('counts every function as not judged', () => {
    expect(judged(outcome(), module()).toc).toEqual(notJudged(1));
  });
});

describe('a file that tocsin cannot read', () => {
  it('is what the kernel says of it; where the kernel takes it, that is a finding', () => {
    const junk = Buffer.from('no object');
    const refused = judged(outcome({ errno: ENOEXEC, lines: ['Invalid ELF header len 9'] }), junk);
    expect(codesOf(refused.findings)).toEqual(['error ELF301']);
    expect(refused.toc.functions).toBe(0);
    expect(codesOf(judged(outcome(), junk).findings)).toEqual(['warning ELF201']);
  });
});

describe('Findings', () => {
  it('keeps the first of many', () => {
    const findings = new Findings();
    for (let i = 0; i < 50; i++) findings.add({ code: 'TOC201', level: 'error', message: `${i}` });
    expect(findings.all()).toHaveLength(21);
    expect(findings.all().at(-1)).toEqual({
      code: 'TOC201',
      level: 'error',
      message: '30 more findings with this code are not listed',
    });
  });
});

describe('modules together', () => {
  const file = (name: string, uses: string[] = []) => ({
    file: `${name}.ko`,
    result: {
      kind: 'module' as const,
      loads: true,
      toc: notJudged(0),
      findings: [],
      log: [],
      module: name,
      uses,
    },
  });

  it('have an order, exporters first', () => {
    const files = [file('a', ['b', 'c']), file('b', ['c', 'kernel_thing']), file('c'), file('d')];
    expect(loadOrder(files)).toEqual({ order: ['c.ko', 'b.ko', 'a.ko', 'd.ko'], circles: [] });
  });

  it('may have none', () => {
    const files = [file('a', ['b']), file('b', ['c']), file('c', ['b']), file('d', ['d'])];
    const { order, circles } = loadOrder(files);
    expect(order).toEqual(['a.ko']);
    expect(circles.map(c => [...c].sort())).toEqual([['b', 'c'], ['d']]);
  });

  it('may be a long chain', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => file(`m${i}`, [`m${i + 1}`]));
    expect(loadOrder(chain).order[0]).toBe('m19999.ko');
  });

  it('export for each other; the first of two files of one module counts', () => {
    const exporting = (path: string, name: string, names: string[], crc: number) => ({
      file: path,
      exports: {
        module: name,
        gplCompatible: true,
        names,
        namespaces: names.map(() => ''),
        crcs: Uint32Array.from(names, () => crc),
        gplOnly: Uint8Array.from(names, () => 0),
      },
    });
    const exporters = new Exporters([
      exporting('new/a.ko', 'a', ['f'], 1),
      exporting('old/a.ko', 'a', ['f'], 2),
      exporting('b.ko', 'b', ['f', 'g'], 3),
    ]);
    expect(exporters.of('f', () => true)?.exports.get('f')?.crc).toBe(1);
    expect(exporters.of('f', (_file, name) => name !== 'a')?.name).toBe('b');
    expect(exporters.of('g', () => false)).toBeUndefined();
    expect(exporters.of('h', () => true)).toBeUndefined();
    expect([...exporters.duplicates()]).toEqual([{ symbol: 'f', files: ['new/a.ko', 'b.ko'] }]);
    expect(exporters.moduleOf('old/a.ko')).toBe('a');
  });
});
