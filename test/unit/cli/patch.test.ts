/** `tocsin patch`, `revert` and `diff` as a user calls them: exit codes, streams, files. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import type { PatchDocument } from '../../../src/report/patch/document.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { writeKernelIndex } from '../../support/kernel-index.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const GENERATIONS = ['6.1', '6.12', '7.2'] as const;
const demo = (generation: string) => `${root}samples/${generation}/tocsin_demo.ko`;
const symvers = (generation: string) => ['--symvers', `${root}samples/${generation}/Module.symvers`];

const ajv = new Ajv2020({ strict: false });
const schema = (name: string) => JSON.parse(readFileSync(`${root}schemas/tocsin.${name}-1.schema.json`, 'utf8'));
const validPatch = ajv.compile(schema('patch'));

interface Scanned {
  readonly callSites: readonly { function: string | null; recorded: boolean }[];
  readonly calls: readonly { from: string; to: string; edge: string }[];
  readonly strayRecords: number;
}

function scanned(file: string): Scanned {
  return JSON.parse(inThread(['scan', file, '--calls', '--format', 'json']).stdout);
}

/** Names of temporary files that a write left behind. */
const strays = () => readdirSync(folder).filter(name => name.includes('.tocsin-'));

describe.each(GENERATIONS)('tocsin patch on the %s sample', generation => {
  it('takes every call site out, and revert brings the file back', () => {
    const out = at(`nop-${generation}.ko`);
    const done = inThread(['patch', demo(generation), '-o', out, '--nop', '*']);
    expect(done.code, done.stderr).toBe(0);
    const after = scanned(out);
    expect(after.callSites).toEqual([]);
    expect(after.strayRecords).toBe(0);
    expect(inThread(['diff', demo(generation), out]).code).toBe(1);
    const back = at(`back-${generation}.ko`);
    expect(inThread(['revert', out, '-o', back]).code).toBe(0);
    expect(readFileSync(back).equals(readFileSync(demo(generation)))).toBe(true);
    expect(inThread(['diff', demo(generation), back]).code).toBe(0);
  });

  it.each([
    ['direct', 'demo_in_range_fixed', 'after-site'],
    ['direct', 'demo_in_range_fixed', 'site'],
    ['frame', 'fix_in_range', 'after-site'],
    ['frame', 'fix_in_range', 'site'],
  ])('redirects by %s to %s at the %s', (strategy, to, place) => {
    const out = at(`${strategy}-${place}-${generation}.ko`);
    const args = [
      'patch',
      demo(generation),
      '-o',
      out,
      '--redirect',
      `demo_in_range=${to}`,
      '--at',
      place,
      '--format',
      'json',
    ];
    const done = inThread([...args, ...symvers(generation)]);
    expect(done.code, done.stderr).toBe(0);
    const doc = JSON.parse(done.stdout);
    expect(validPatch(doc), JSON.stringify(validPatch.errors)).toBe(true);
    expect(doc).toMatchObject({
      written: true,
      dryRun: false,
      verification: { ok: true },
      secondReader: { agreed: true },
    });
    expect(doc.actions).toMatchObject([{ kind: 'redirect', function: 'demo_in_range', to, strategy, at: place }]);
    const after = scanned(out);
    const target = strategy === 'direct' ? to : '__tocsin_frame_demo_in_range';
    expect(after.calls).toContainEqual(expect.objectContaining({ from: 'demo_in_range', to: target, edge: 'sibling' }));
    expect(after.callSites.some(s => s.function === 'demo_in_range' && s.recorded)).toBe(place === 'after-site');
    if (strategy === 'frame') expect(after.calls).toContainEqual(expect.objectContaining({ to, edge: 'external' }));
  });

  it.each(['demo_sum_ten', 'demo_sum_variadic'])('refuses a frame under %s', name => {
    const out = at('refused.ko');
    const to = name.replace('demo', 'fix');
    const asked = ['--redirect', `${name}=${to}`, '--strategy', 'frame', ...symvers(generation)];
    const done = inThread(['patch', demo(generation), '-o', out, ...asked]);
    expect(done.code).toBe(1);
    expect(done.stderr).toContain('PAT011');
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    ['--redirect', 'demo_sum_ten=fix_sum_ten', '--strategy', 'frame'],
    ['--hook-exit', 'demo_sum_ten=fix_in_range'],
  ])('writes a frame that hides arguments where that is asked for: %s %s', (...asked) => {
    const out = at('forced.ko');
    const forced = ['--allow-unproved', '--format', 'json'];
    const done = inThread(['patch', demo(generation), '-o', out, ...asked, ...symvers(generation), ...forced]);
    expect(done.code).toBe(0);
    const doc = JSON.parse(done.stdout) as PatchDocument;
    expect(doc.proof?.verdict).toBe('refuted');
    expect(doc.proof?.functions).toContainEqual(
      expect.objectContaining({ function: 'demo_sum_ten', verdict: 'refuted', code: 'PAT011' }),
    );
    const { record } = readPatchNote(readElf(readFileSync(out)))!;
    expect(record.unproved).toContainEqual({ function: 'demo_sum_ten', verdict: 'refuted', code: 'PAT011' });
  });

  it('does not let auto hide arguments', () => {
    const asked = ['--redirect', 'demo_sum_ten=fix_sum_ten', '--redirect', 'demo_in_range=fix_in_range'];
    const known = ['--symvers', `${root}samples/${generation}/kernel/Module.symvers`, ...symvers(generation)];
    const done = inThread(['patch', demo(generation), '--dry-run', ...asked, ...known, '--format', 'json']);
    expect(done.code, done.stderr).toBe(0);
    const doc = JSON.parse(done.stdout) as PatchDocument;
    expect(doc.proof?.verdict).toBe('proved');
    const redirects = doc.actions.flatMap(a => (a.kind === 'redirect' ? [a] : []));
    expect(redirects.map(r => r.strategy)).toEqual(['shadow', 'frame']);
    const whyNot = redirects[0]!.grounds.slice(0, 3);
    expect(whyNot.map(g => /^(\w+) was not taken: .* \[(\w+)\]$/.exec(g)?.slice(1).join(' '))).toEqual([
      'direct PAT023',
      'epilogue PAT078',
      'frame PAT011',
    ]);
    expect(doc.proof?.passedOver).toMatchObject([{ function: 'demo_sum_ten', strategy: 'frame', code: 'PAT011' }]);
    // Where nobody says what version the table's import has, there is no way left.
    if (generation === '7.2') return;
    const none = inThread(['patch', demo(generation), '--dry-run', ...asked.slice(0, 2), ...symvers(generation)]);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(/no strategy is proved right for demo_sum_ten: direct: .*\[PAT011\]; shadow: .*\[PAT026\]/),
    ]);
  });

  it('prints the plan of a dry run and writes nothing', () => {
    const before = readdirSync(folder).length;
    const done = inThread([
      'patch',
      demo(generation),
      '--dry-run',
      '--nop',
      'demo_alarm',
      '--redirect',
      'demo_in_range=demo_in_range_fixed',
    ]);
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(/redirect {2}demo_in_range -> demo_in_range_fixed {2}direct/);
    expect(done.stdout).toContain('nothing is written');
    expect(readdirSync(folder).length).toBe(before);
  });
});

describe('tocsin patch', () => {
  const plain = demo('6.12');

  it.each([
    ['xz', Buffer.from([0xfd, 0x37, 0x7a])],
    ['zst', Buffer.from([0x28, 0xb5, 0x2f])],
    ['gz', Buffer.from([0x1f, 0x8b])],
  ])('writes a %s input back in its form, whatever its name', (ending, magic) => {
    const named = at('misnamed.ko');
    copyFileSync(`${plain}.${ending}`, named);
    const out = at(`packed.${ending}`);
    const done = inThread(['patch', named, '-o', out, '--nop', 'demo_alarm']);
    expect(done.code, done.stderr).toBe(0);
    expect(readFileSync(out).subarray(0, magic.length)).toEqual(magic);
    const back = at(`unpacked.${ending}`);
    expect(inThread(['revert', out, '-o', back]).code).toBe(0);
    const dd = inThread(['diff', plain, back]);
    expect([dd.code, dd.stderr]).toEqual([0, '']);
  });

  it('patches a patched file, and reverts one patch at a time', () => {
    const [one, two, back] = [at('one.ko'), at('two.ko'), at('one-again.ko')];
    expect(
      inThread(['patch', plain, '-o', one, '--redirect', 'demo_in_range=fix_in_range', ...symvers('6.12')]).code,
    ).toBe(0);
    const second = inThread(['patch', one, '-o', two, '--redirect', 'demo_parity=fix_parity', ...symvers('6.12')]);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toContain('patched before');
    expect(inThread(['revert', two, '-o', back]).code).toBe(0);
    expect(readFileSync(back).equals(readFileSync(one))).toBe(true);
  });

  it('keeps the permissions of what is there already', () => {
    const [file, back] = [at('there.ko'), at('there-back.ko')];
    for (const path of [file, back]) writeFileSync(path, 'before');
    for (const path of [file, back]) chmodSync(path, 0o640);
    expect(inThread(['patch', plain, '-o', file, '--nop', 'demo_alarm']).code).toBe(0);
    expect(inThread(['revert', file, '-o', back]).code).toBe(0);
    for (const path of [file, back]) expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readFileSync(back).equals(readFileSync(plain))).toBe(true);
  });

  it('drops a signature and says so; revert brings it back', () => {
    const signed = at('signed.ko');
    const signature = Buffer.alloc(64, 0x30);
    const info = Buffer.alloc(12);
    info[2] = 2;
    info.writeUInt32BE(signature.length, 8);
    writeFileSync(
      signed,
      Buffer.concat([readFileSync(plain), signature, info, Buffer.from('~Module signature appended~\n')]),
    );
    const out = at('unsigned.ko');
    const done = inThread(['patch', signed, '-o', out, '--nop', 'demo_alarm']);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toContain('signature');
    expect(readFileSync(out).subarray(-28).toString('latin1')).not.toBe('~Module signature appended~\n');
    const back = at('signed-again.ko');
    expect(inThread(['revert', out, '-o', back]).code).toBe(0);
    expect(readFileSync(back).equals(readFileSync(signed))).toBe(true);
  });

  it('writes a report', () => {
    for (const name of ['report.json', 'report.txt']) {
      const done = inThread([
        'patch',
        plain,
        '-o',
        at('reported.ko'),
        '--nop',
        'demo_alarm',
        '--report',
        at(name),
        '--quiet',
      ]);
      expect([done.code, done.stdout]).toEqual([0, '']);
    }
    const doc = JSON.parse(readFileSync(at('report.json'), 'utf8'));
    expect(validPatch(doc), JSON.stringify(validPatch.errors)).toBe(true);
    expect(readFileSync(at('report.txt'), 'utf8')).toContain('demo_alarm');
  });

  it('refuses a report in no form before anything is written', () => {
    const done = inThread(['patch', plain, '-o', at('unreported.ko'), '--nop', '*', '--report', at('report.pdf')]);
    expect([done.code, /\[(\w+)\]/.exec(done.stderr)?.[1]]).toEqual([2, 'CLI010']);
    expect([existsSync(at('unreported.ko')), existsSync(at('report.pdf'))]).toEqual([false, false]);
  });

  it.each([
    [['--nop', 'no_such_function'], 1, 'PAT002'],
    [['--nop', 'demo_swap_halves'], 1, 'PAT004'],
    [['--redirect', 'demo_in_range=demo_in_range'], 1, 'PAT014'],
    [['--redirect', 'demo_in_range'], 2, 'CLI001'],
    [['--redirect', 'demo_in_range=fix_in_range'], 1, 'PAT026'],
    [['--redirect', 'demo_in_range=fix_in_range', '--strategy', 'direct'], 1, 'PAT023'],
    [
      ['--redirect', 'demo_in_range=demo_in_range_fixed', '--redirect', 'demo_in_range_fixed=demo_in_range'],
      1,
      'PAT015',
    ],
    [['--nop', 'demo_alarm', '--symvers', '/nowhere'], 2, 'IO001'],
    [['--nop', 'demo_alarm', '--kernel', demo('6.1')], 2, 'KER014'],
  ])('%j ends with %i and %s', (options, code, complaint) => {
    const out = at('never.ko');
    const done = inThread(['patch', plain, '-o', out, ...options]);
    expect([done.code, done.stdout]).toEqual([code, '']);
    expect(done.stderr).toContain(`[${complaint}]`);
    expect(done.stderr).not.toContain('    at ');
    expect(existsSync(out)).toBe(false);
  });

  it('writes an import without version when told to', () => {
    const args = [
      'patch',
      plain,
      '-o',
      at('unversioned.ko'),
      '--redirect',
      'demo_in_range=fix_in_range',
      '--allow-unproved',
    ];
    const done = inThread(args);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toContain('no symbol version');
  });

  describe('of a replacement that is not right', () => {
    const broken = at('broken.ko');
    const args = ['patch', broken, '-o', at('unproved.ko'), '--redirect', 'demo_in_range=demo_lookup'];
    const spoil = () => {
      // mtlr r0 in demo_lookup becomes a nop: it loses its return address.
      const bytes = readFileSync(demo('6.1'));
      const elf = readElf(new Uint8Array(bytes));
      const f = functionsOf(elf).find(g => g.name === 'demo_lookup')!;
      const start = f.section.sh_offset + f.global;
      for (let i = start; i < start + f.size; i += 4)
        if (bytes.readUInt32LE(i) === 0x7c0803a6) bytes.writeUInt32LE(0x60000000, i);
      writeFileSync(broken, bytes);
    };

    const kernel = ['--symvers', `${root}samples/6.1/kernel/Module.symvers`];
    it.each([[[]], [['--strategy', 'direct']], [['--strategy', 'shadow', ...kernel]], [['--dry-run']]])(
      'nothing is written, and the way there is shown: %j',
      more => {
        spoil();
        const done = inThread([...args, ...more]);
        expect(done.code).toBe(1);
        expect(done.stderr).toMatch(/demo_lookup: the result is wrong, nothing is written: .*\[TOC011\]/);
        expect(done.stderr).toContain('--allow-unproved');
        expect(done.stdout).toContain('refuted: demo_lookup returns to another place');
        expect(done.stdout).toMatch(/demo_lookup\+0x[0-9a-f]+ +blr/);
        expect(existsSync(at('unproved.ko'))).toBe(false);
        expect(strays()).toEqual([]);
      },
    );

    it('is written when told to, and report and note say so', () => {
      spoil();
      const done = inThread([...args, '--allow-unproved', '--format', 'json']);
      expect(done.code, done.stderr).toBe(0);
      const doc = JSON.parse(done.stdout);
      expect(validPatch(doc), JSON.stringify(validPatch.errors)).toBe(true);
      expect(doc).toMatchObject({ written: true, verification: { ok: true }, proof: { verdict: 'refuted' } });
      const found = doc.proof.functions.find((f: { function: string }) => f.function === 'demo_lookup');
      expect(found).toMatchObject({ role: 'replacement', verdict: 'refuted', code: 'TOC011' });
      expect(found.path.length).toBeGreaterThan(2);
      const note = readPatchNote(readElf(new Uint8Array(readFileSync(at('unproved.ko')))))!;
      expect(note.record.unproved).toContainEqual({ function: 'demo_lookup', verdict: 'refuted', code: 'TOC011' });
      const back = at('proved-again.ko');
      expect(inThread(['revert', at('unproved.ko'), '-o', back]).code).toBe(0);
      expect(readFileSync(back).equals(readFileSync(broken))).toBe(true);
    });
  });

  describe.each(GENERATIONS)('for a kernel of %s', generation => {
    const index = at(`kernel-${generation}.index`);
    const out = at(`for-${generation}.ko`);
    const patch = (more: readonly string[]) =>
      inThread(['patch', demo(generation), '-o', out, '--kernel', index, ...more]);

    it('proves what that kernel loads', () => {
      writeKernelIndex(index, { generation });
      const redirect = ['--redirect', 'demo_in_range=fix_in_range', ...symvers(generation), '--format', 'json'];
      const done = patch(redirect);
      expect(done.code, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout).proof).toMatchObject({ verdict: 'proved', grounds: [] });
      expect(JSON.parse(done.stdout).proof.kernel).toMatch(new RegExp(`^${generation}`));
      expect(patch(['--nop', '*']).code).toBe(0);
    });

    it('refuses in its words what it would refuse', () => {
      writeKernelIndex(index, { generation });
      const unknown = patch(['--redirect', 'demo_in_range=nobody_has_it', '--allow-unproved']);
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        expect.stringContaining('tocsin_demo: Unknown symbol nobody_has_it (err -2) [SYM301]'),
      ]);
      const other = inThread([
        'patch',
        demo(generation === '6.1' ? '6.12' : '6.1'),
        '-o',
        at('x.ko'),
        '--nop',
        '*',
        '--kernel',
        index,
      ]);
      expect(other.code).toBe(1);
      expect(other.stderr).toMatch(/would refuse the result.*\[(ELF304|SYM303)\]/);
      expect(existsSync(at('x.ko'))).toBe(false);
    });
  });

  it.each([
    [['patch', plain, '--nop', 'x'], '-o OUT'],
    [['patch', plain, '-o', 'x'], 'nothing to do'],
    [['patch', '-o', 'x', '--nop', 'x'], 'one FILE'],
    [['patch', plain, plain, '-o', 'x', '--nop', 'x'], 'one FILE'],
    [['patch', plain, '-o', 'x', '-o', 'y', '--nop', 'x'], 'given 2 times'],
    [['patch', plain, '-o', 'x', '--nop', 'x', '--strategy', 'guess'], 'strategy'],
    [['revert', plain], '-o OUT'],
    [['diff', plain], 'two files'],
  ])('%j is bad usage', (args, text) => {
    const done = inThread(args);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(text);
  });

  it('leaves the old output when it refuses or cannot write', () => {
    const out = at('old.ko');
    writeFileSync(out, 'old');
    expect(inThread(['patch', plain, '-o', out, '--nop', 'no_such_function']).code).toBe(1);
    expect(readFileSync(out, 'utf8')).toBe('old');
    const nowhere = inThread(['patch', plain, '-o', at('missing/out.ko'), '--nop', 'demo_alarm']);
    expect(nowhere.code).toBe(2);
    mkdirSync(at('taken'), { recursive: true });
    expect(inThread(['patch', plain, '-o', at('taken'), '--nop', 'demo_alarm']).code).toBe(2);
    expect(strays()).toEqual([]);
  });

  it('refuses a full disk without leaving anything', () => {
    const done = inThread(['patch', plain, '-o', '/dev/full', '--nop', 'demo_alarm']);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('IO033');
  });

  it('blames an input that breaks a rule already', () => {
    const bytes = readFileSync(demo('6.1'));
    const bad = at('bad-relocation.ko');
    // The type of the first relocation of .text becomes one that nobody defined.
    const sections = Number(bytes.readBigUInt64LE(40));
    const table = [...Array(bytes.readUInt16LE(60)).keys()].find(i => bytes.readUInt32LE(sections + i * 64 + 4) === 4)!;
    bytes.writeUInt32LE(200, Number(bytes.readBigUInt64LE(sections + table * 64 + 24)) + 8);
    writeFileSync(bad, bytes);
    const done = inThread(['patch', bad, '-o', at('never.ko'), '--nop', 'demo_alarm']);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('breaks a rule already');
    expect(existsSync(at('never.ko'))).toBe(false);
  });

  it('revert refuses what tocsin did not make, and what was damaged since', () => {
    expect(inThread(['revert', plain, '-o', at('x.ko')]).stderr).toContain('RVT001');
    const patched = at('damaged.ko');
    expect(inThread(['patch', plain, '-o', patched, '--nop', '*']).code).toBe(0);
    const bytes = readFileSync(patched);
    bytes[bytes.indexOf('tocsin_demo')]! ^= 1;
    writeFileSync(patched, bytes);
    const done = inThread(['revert', patched, '-o', at('x.ko')]);
    expect(done.code).toBe(1);
    expect(done.stderr).toContain('RVT002');
    expect(existsSync(at('x.ko'))).toBe(false);
  });

  it.each(['patch', 'diff'])('%s of something else than an object is bad input', command => {
    const bad = at('bad.txt');
    writeFileSync(bad, 'text');
    const done = inThread(command === 'patch' ? ['patch', bad, '-o', at('x'), '--nop', '*'] : ['diff', plain, bad]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('[ELF001]');
    expect(done.stderr).toContain(bad);
  });
});

describe('tocsin diff', () => {
  it('prints one JSON document', () => {
    const out = at('diffed.ko');
    expect(inThread(['patch', demo('6.1'), '-o', out, '--nop', 'demo_alarm']).code).toBe(0);
    const done = inThread(['diff', demo('6.1'), out, '--format', 'json']);
    expect(done.code).toBe(1);
    const doc = JSON.parse(done.stdout);
    expect(doc).toMatchObject({ schema: 'tocsin.diff/1', same: false, old: { file: demo('6.1') }, new: { file: out } });
    expect(
      doc.functions.filter((f: { status: string }) => f.status === 'changed').map((f: { name: string }) => f.name),
    ).toEqual(['demo_alarm']);
  });
});
