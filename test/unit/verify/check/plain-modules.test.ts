/**
 * The quick look at modules that are plain, held together with the loader twin and the audits: what it calls plain has the
 * same result, word for word, on the samples and on thousands of damaged ones; and what is wrong is never plain.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KernelKnowledge } from '../../../../src/kernel/knowledge/model.ts';
import { openIndex } from '../../../../src/kernel/knowledge/store.ts';
import { moduleExports } from '../../../../src/kernel/module-exports.ts';
import { checkModule } from '../../../../src/verify/check/check.ts';
import { Exporters } from '../../../../src/verify/check/exporters.ts';
import { PlainModules } from '../../../../src/verify/check/plain-modules.ts';
import { Editor } from '../../../lab/loader/mutants/editor.ts';
import { randomNumbers, spoil } from '../../../lab/loader/mutants/stock-mutants.ts';
import { writeKernelIndex } from '../../../support/kernel-index.ts';
import type { KnowledgeSpec } from '../../../support/kernel-knowledge.ts';
import { root } from '../../../support/samples.ts';
import {
  appended,
  der,
  INTEGER,
  message,
  OIDS,
  oid,
  SEQUENCE,
  SET,
  type Spoiled,
  signatory,
} from '../../../support/signatures.ts';
import { told, withCopies } from '../support/copies.ts';
import { patch, redirect } from '../support/patched.ts';

const GENERATIONS = ['6.1', '6.12', '7.2'] as const;
type Generation = (typeof GENERATIONS)[number];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tocsin-plain-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function kernelOf(spec: KnowledgeSpec): KernelKnowledge {
  const path = join(folder, 'kernel');
  writeKernelIndex(path, spec);
  return openIndex(readFileSync(path));
}

/** A sample as if it were of the kernel's own tree: modules from elsewhere taint the kernel, which is said. */
function sample(generation: Generation, name: 'demo' | 'fix'): Uint8Array {
  const bytes = readFileSync(`${root}samples/${generation}/tocsin_${name}.ko`);
  const at = bytes.indexOf('\0description=') + 1;
  expect(at).toBeGreaterThan(0);
  bytes.write('intree=Y\0x=', at, 'latin1');
  return new Uint8Array(bytes);
}

const IMPORTED = 'demo_in_range';

/** tocsin_fix of 6.1, as if it imported a function of tocsin_demo in place of something of the kernel. */
function importing(): Uint8Array {
  const bytes = Buffer.from(sample('6.1', 'fix'));
  const exported = moduleExports(sample('6.1', 'demo'))!;
  const crc = exported.crcs![exported.names.indexOf(IMPORTED)]!;
  let count = 0;
  for (let at = bytes.indexOf('param_ops_ulong\0'); at >= 0; at = bytes.indexOf('param_ops_ulong\0', at), count++) {
    bytes.write(`${IMPORTED}\0`.padEnd(15, '\0'), at, 'latin1');
    // In front of the name in the table of versions, which 8 bytes of checksum precede.
    if (bytes.readUInt32LE(at - 4) === 0) bytes.writeUInt32LE(crc, at - 8);
  }
  expect(count).toBe(2);
  return new Uint8Array(bytes);
}

/** Functions are judged as well, or not. */
const PROOFS = [false, true] as const;
const PROOF = { allowUnproved: false };

/** What the screen says of modules that are seen together. */
function screened(kernel: KernelKnowledge, files: readonly Uint8Array[], proof = false) {
  const modules = PlainModules.create(kernel, proof ? PROOF : undefined)!;
  const numbers = files.map(bytes => {
    modules.grow(bytes.length);
    modules.buffer.set(bytes);
    const number = modules.screen(bytes.length);
    const exports = number < 0 ? moduleExports(bytes) : undefined;
    if (exports !== undefined) modules.exports(exports.module, exports.names);
    return number;
  });
  const results = modules.settle();
  return numbers.map(number => results[number]);
}

/** Whether it may be plain, by a screen that has seen others. */
function isScreened(screen: PlainModules, bytes: Uint8Array): boolean {
  screen.grow(bytes.length);
  screen.buffer.set(bytes);
  return screen.screen(bytes.length) >= 0;
}

/** The same from the twin and the audits. */
function checked(kernel: KernelKnowledge, files: readonly Uint8Array[], proof = false) {
  const exporters = new Exporters(
    files.flatMap((bytes, i) => {
      const exports = moduleExports(bytes);
      return exports === undefined ? [] : [{ file: `${i}`, exports }];
    }),
  );
  return files.map((bytes, i) => {
    const own = exporters.moduleOf(`${i}`);
    const exporterOf = (symbol: string) => exporters.of(symbol, (file, module) => file !== `${i}` && module !== own);
    return checkModule({ bytes, kernel, exporterOf, proof, signatures: false, ...PROOF });
  });
}

/** As if tocsin had not written it: what it leaves in a file is never plain. */
function withoutNote(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf('.note.tocsin\0');
  expect(at).toBeGreaterThan(0);
  copy.write('.nono.tocsin', at, 'latin1');
  return new Uint8Array(copy);
}

describe.each(GENERATIONS)('modules of %s', generation => {
  it('that go on in a copy of another module are left to the twin, with and without a note of the patch', () => {
    const kernel = kernelOf({ generation });
    const fix = withCopies(sample(generation, 'fix'));
    const redirects = [redirect('demo_in_range', 'fix_in_range', { strategy: 'epilogue' })];
    const { output } = patch(sample(generation, 'demo'), { redirects, ...told(fix) });
    const files = [withoutNote(output), withoutNote(fix)];
    const proved = checked(kernel, files, true);
    // Without the other module's bytes the twin does not know either.
    expect(proved[0]?.findings.map(f => [f.code, f.function])).toEqual([['PRV013', '__tocsin_enter_demo_in_range']]);
    expect(proved[0]?.toc.refuted).toBe(0);
    expect(screened(kernel, files, true)[0]).toBeUndefined();
    expect(screened(kernel, [output, fix], true)[0]).toBeUndefined();
  });

  it.each(PROOFS)('that are good are plain, with the same result (proof: %s)', proof => {
    const kernel = kernelOf({ generation });
    const files = [sample(generation, 'demo'), sample(generation, 'fix')];
    const results = screened(kernel, files, proof);
    expect(results).toEqual(checked(kernel, files, proof));
    expect(results.map(r => r?.toc.judged)).toEqual([proof, proof]);
    expect(results.map(r => r?.module)).toEqual(['tocsin_demo', 'tocsin_fix']);
  });

  it.each(PROOFS)('that are damaged are plain only if the twin has nothing to say (proof: %s)', proof => {
    const kernel = kernelOf({ generation });
    const random = randomNumbers(0x5eed);
    const screen = PlainModules.create(kernel)!;
    const counts = { plain: 0, not: 0 };
    for (const name of ['demo', 'fix'] as const) {
      const original = sample(generation, name);
      const other = sample(generation, name === 'demo' ? 'fix' : 'demo');
      const view = new DataView(original.buffer);
      const table = Number(view.getBigUint64(40, true));
      for (let run = 0; run < (proof ? RUNS / 2 : RUNS); run++) {
        const bytes = original.slice();
        damage(bytes, table, random);
        if (!isScreened(screen, bytes)) {
          counts.not++;
          continue;
        }
        // Few enough for a screen that has seen nothing else.
        if (run % 4 !== 0) continue;
        const [result] = screened(kernel, [bytes, other], proof);
        if (result === undefined) continue;
        counts.plain++;
        expect(result).toEqual(checked(kernel, [bytes, other], proof)[0]);
      }
    }
    // The damage says something only if some of it matters and some does not.
    expect(counts.plain).toBeGreaterThan(20);
    expect(counts.not).toBeGreaterThan(200);
  });
});

describe.each(GENERATIONS)('modules of %s that are broken on purpose', generation => {
  it.each(PROOFS)('are plain only if the twin has nothing to say (proof: %s)', proof => {
    const kernel = kernelOf({ generation });
    const random = randomNumbers(0xb40c);
    const screen = PlainModules.create(kernel)!;
    const counts = { plain: 0, not: 0 };
    for (const name of ['demo', 'fix'] as const) {
      const original = sample(generation, name);
      const other = sample(generation, name === 'demo' ? 'fix' : 'demo');
      for (let run = 0; run < (proof ? BROKEN / 2 : BROKEN); run++) {
        const editor = new Editor(original);
        spoil(editor, random);
        const bytes = new Uint8Array(editor.bytes);
        const result = isScreened(screen, bytes) ? screened(kernel, [bytes, other], proof)[0] : undefined;
        if (result === undefined) counts.not++;
        else {
          counts.plain++;
          expect(result).toEqual(checked(kernel, [bytes, other], proof)[0]);
        }
      }
    }
    expect(counts.plain).toBeGreaterThan(20);
    expect(counts.not).toBeGreaterThan(50);
  });
});

/** What the twin calls dangerous because the kernel writes there, or follows a pointer, when the module comes. */
describe.each(GENERATIONS)('tables of %s that the kernel writes to', generation => {
  const kernel = () => kernelOf({ generation });
  const WRITE = 1;
  const ALLOC = 2;

  /** With one more section of this name and size, and as many pointers to the start of the module's data as are asked for. */
  function withTable(table: string, flags: number, size: number, pointers: readonly number[]): Uint8Array {
    const editor = new Editor(sample(generation, 'fix'));
    const index = editor.addSection(table, { flags, alignment: 8 }, new Uint8Array(size));
    const data = editor.symbols().find(symbol => {
      const section = Number(editor.get(symbol.at + 6, 2));
      return section > 0 && section < editor.count && editor.name(section) === '.gnu.linkonce.this_module';
    })!;
    const relocations = Buffer.alloc(24 * pointers.length);
    pointers.forEach((at, i) => {
      relocations.writeUInt32LE(at, 24 * i);
      relocations.writeUInt32LE(38, 24 * i + 8);
      relocations.writeUInt32LE(data.index, 24 * i + 12);
    });
    const link = editor.symtab;
    editor.addSection(
      `.rela${table}`,
      { type: 4, flags: 0x40, link, info: index, entrySize: 24, alignment: 8 },
      relocations,
    );
    return orderly(editor);
  }

  const tellsNothing = (bytes: Uint8Array) => {
    const [twin] = checked(kernel(), [bytes]);
    const [screen] = screened(kernel(), [bytes]);
    if (screen !== undefined) expect(screen).toEqual(twin);
    return { screen: screen !== undefined, twin: twin!.findings.length === 0 };
  };

  it('are written to: formats of trace_printk()', () => {
    expect(tellsNothing(withTable('__trace_printk_fmt', ALLOC | WRITE, 16, [0, 8]))).toEqual({
      screen: true,
      twin: true,
    });
    expect(tellsNothing(withTable('__trace_printk_fmt', ALLOC, 16, [0, 8]))).toEqual({ screen: false, twin: false });
  });

  it('are written to, and have names: classes of messages', () => {
    expect(tellsNothing(withTable('__dyndbg_classes', ALLOC | WRITE, 112, [24, 80]))).toMatchObject({ screen: true });
    expect(tellsNothing(withTable('__dyndbg_classes', ALLOC, 112, [24, 80]))).toMatchObject({ screen: false });
    expect(tellsNothing(withTable('__dyndbg_classes', ALLOC | WRITE, 112, [24]))).toMatchObject({ screen: false });
  });

  it('are written to: jump labels', () => {
    const editor = new Editor(sample(generation, 'fix'));
    editor.addSection('__jump_table', { flags: ALLOC, alignment: 8 }, new Uint8Array(16));
    expect(tellsNothing(orderly(editor))).toMatchObject({ screen: false });
  });
});

/** The parts in the order that a linker gives them: an editor appends what is new behind the headers. */
function orderly(editor: Editor): Uint8Array {
  const parts: Buffer[] = [Buffer.from(editor.bytes.subarray(0, 64))];
  let end = 64;
  const names = editor.header('shstrndx');
  const order = Array.from({ length: editor.count - 1 }, (_, i) => i + 1).filter(i => i !== names);
  for (const index of [...order, names]) {
    const bytes = editor.field(index, 'type') === 8 ? Buffer.alloc(0) : Buffer.from(editor.data(index));
    const padding = -end & 15;
    parts.push(Buffer.alloc(padding), bytes);
    editor.setField(index, 'offset', end + padding);
    end += padding + bytes.length;
  }
  const headers = Buffer.from(editor.bytes.subarray(editor.headerAt(0), editor.headerAt(editor.count)));
  const padding = -end & 15;
  const file = Buffer.concat([...parts, Buffer.alloc(padding), headers]);
  file.writeBigUInt64LE(BigInt(end + padding), 40);
  return new Uint8Array(file);
}

it('never takes a section that begins so far behind that its end is in the file', () => {
  const kernel = kernelOf({ generation: '7.2' });
  const editor = new Editor(sample('7.2', 'fix'));
  const index = editor.section('.note.gnu.build-id');
  editor.setField(index, 'offset', (1n << 64n) - 1n);
  const bytes = new Uint8Array(editor.bytes);
  expect(checked(kernel, [bytes])[0]!.loads).toBe(false);
  expect(screened(kernel, [bytes])).toEqual([undefined]);
});

describe('signatures', () => {
  const module = sample('6.1', 'fix');
  const who = [signatory('Tocsin test key'), signatory('Tocsin', 'ecdsa')] as const;
  const both = (bytes: Uint8Array) => {
    const kernel = kernelOf({ generation: '6.1' });
    const [screen] = screened(kernel, [bytes]);
    const [twin] = checked(kernel, [bytes]);
    if (screen !== undefined) expect(screen).toEqual(twin);
    return [screen !== undefined, twin!.loads];
  };

  it('as they are made for modules are plain, good or not', () => {
    for (const one of who) expect(both(appended(module, message(module, one)))).toEqual([true, true]);
    expect(both(appended(module, message(module.subarray(1), who[0], { hash: 'sha512' })))).toEqual([true, true]);
  });

  it('of another shape are the twin’s to judge', () => {
    const odd: readonly Spoiled[] = [
      { version: 2 },
      { version: 3, byKeyId: true },
      { signerVersion: 3 },
      { innerType: OIDS.rsa },
      { outerType: OIDS.data },
      { hashOid: OIDS.rsa },
      { algorithmOid: OIDS.sha256 },
      { signers: 0 },
      { signers: 2 },
      { content: der(0xa0, der(4, [1])) },
      { certificates: der(0xa0, der(SEQUENCE, der(INTEGER, [1]))) },
      { attributes: der(0xa0, der(SEQUENCE, oid(OIDS.data), der(SET, [5, 0]))) },
    ];
    for (const spoiled of odd) expect(both(appended(module, message(module, who[0], spoiled)))[0]).toBe(false);
  });

  it('that are damaged are plain only if the twin takes them', () => {
    const random = randomNumbers(0x516);
    const screen = PlainModules.create(kernelOf({ generation: '6.1' }))!;
    let plain = 0;
    for (let run = 0; run < 1500; run++) {
      const signature = Buffer.from(message(module, who[run % 2]!));
      const limit = random(2) === 0 ? signature.length : 160;
      for (let i = random(2); i >= 0; i--) signature[random(limit)] = random(3) === 0 ? 0x80 : random(256);
      const bytes = appended(module, random(4) === 0 ? signature.subarray(0, -1) : signature);
      if (isScreened(screen, bytes) && plain < 60 && both(bytes)[0]) plain++;
    }
    expect(plain).toBeGreaterThan(50);
  });
});

/** Broken files made of each sample. */
const BROKEN = 250;
/** Damaged files made of each sample. */
const RUNS = 800;
const VALUES = [0, 1, 2, 4, 7, 8, 0x10, 0x20, 0x60, 0x7f, 0x80, 0xfe, 0xff];

/** Changes a few bytes: in section headers, in symbols and relocations, in a section, or anywhere. */
function damage(bytes: Uint8Array, table: number, random: (limit: number) => number): void {
  const view = new DataView(bytes.buffer);
  const section = random(view.getUint16(60, true));
  const offset = Number(view.getBigUint64(table + 64 * section + 24, true));
  const size = view.getUint32(table + 64 * section + 32, true);
  const kind = random(4);
  for (let i = random(3); i >= 0; i--) {
    const inSection = offset + random(Math.max(1, size));
    const at = kind === 0 ? table + random(bytes.length - table) : kind < 3 ? inSection : random(bytes.length);
    if (at < bytes.length) bytes[at] = random(2) === 0 ? VALUES[random(VALUES.length)]! : random(256);
  }
}

/** 6.1's own samples, with one thing wrong in the kernel or beside them. */
describe('never plain', () => {
  const demo = () => sample('6.1', 'demo');
  const isPlain = (spec: KnowledgeSpec, files: readonly Uint8Array[]) =>
    screened(kernelOf({ generation: '6.1', ...spec }), files).map(result => result !== undefined);

  it('are modules with another checksum, without an exporter, or in a namespace', () => {
    expect(isPlain({ exports: [{ name: '_printk', crc: 1 }] }, [demo()])).toEqual([false]);
    expect(isPlain({ without: ['_printk'] }, [demo()])).toEqual([false]);
    expect(isPlain({}, [importing()])).toEqual([false]);
    expect(isPlain({}, [importing(), demo()])).toEqual([true, true]);
    const other = importing();
    const crc = moduleExports(demo())!.crcs![0]!;
    const at = Buffer.from(other).indexOf(Buffer.from(new Uint32Array([crc, 0]).buffer));
    other[at] = other[at]! ^ 1;
    expect(isPlain({}, [other, demo()])).toEqual([false, true]);
    expect(isPlain({ exports: [{ name: 'module_layout', crc: 1 }] }, [demo()])).toEqual([false]);
  });

  it('are two that export the same, whoever imports from them, or one that exports what the kernel does', () => {
    expect(isPlain({}, [demo(), demo(), importing()])).toEqual([false, false, false]);
    const [name] = moduleExports(demo())!.names;
    expect(isPlain({ exports: [{ name: name!, crc: 1 }] }, [demo()])).toEqual([false]);
  });

  it('is a module that was built for another kernel', () => {
    expect(isPlain({ vermagic: '6.1.0-50-powerpc64le SMP ' }, [demo()])).toEqual([false]);
    expect(isPlain({ moduleSize: 1032 }, [demo()])).toEqual([false]);
  });

  it('is any module of a kernel whose loader differs', () => {
    const created = (options: KnowledgeSpec['options']) =>
      PlainModules.create(kernelOf({ generation: '6.1', ...(options && { options }) })) !== undefined;
    expect(created(undefined)).toBe(true);
    for (const options of [{ pcrel: true }, { moduleSigForce: true }, { kallsyms: false }, { moduleUnload: false }])
      expect(created(options)).toBe(false);
  });
});

it('gives the same answers from two threads as from one', () => {
  const kernel = kernelOf({ generation: '6.1' });
  const files = [sample('6.1', 'demo'), importing()] as const;
  const parts = files.map(bytes => {
    const part = PlainModules.create(kernel)!;
    part.buffer.set(bytes);
    expect(part.screen(bytes.length)).toBe(0);
    return part;
  });
  // The second one's names have other numbers in the first.
  expect(parts[0]!.take(structuredClone(parts[1]!.share()))).toBe(1);
  const results = parts[0]!.settle();
  expect(results).toEqual(screened(kernel, files));
  expect(results[1]!.uses).toEqual(['tocsin_demo']);
  expect(parts[0]!.isExporter(0)).toBe(true);
});
