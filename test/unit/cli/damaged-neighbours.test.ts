/** A damaged file beside good ones, or in the place of a kernel: it gets its own answer, and the others get theirs. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ExportReader } from '../../../src/cli/check/exports.ts';
import { peekBuildId } from '../../../src/cli/kernel/build-id.ts';
import { openIndexFile } from '../../../src/cli/kernel-option.ts';
import { inThread, shell, temporaryFolder } from '../../support/cli.ts';
import { codeOf } from '../../support/errors.ts';
import { writeKernelIndex } from '../../support/kernel-index.ts';
import { note, ObjectBuilder, SHT } from '../../support/object-builder.ts';
import { RawElf } from '../../support/raw-elf.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const index = at('kernel.index');
const sample = (generation: string, name: string) => `${root}samples/${generation}/${name}`;

/** No file has such a place, and no double holds all of these numbers. */
const HUGE = [2n ** 53n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 8n];

beforeAll(() => writeKernelIndex(index, { options: { modversions: false, moduleSig: false } }));

describe('places beyond every file', () => {
  const changed = (change: (view: DataView, elf: RawElf) => void) => {
    const bytes = new Uint8Array(fs.readFileSync(sample('6.1', 'tocsin_fix.ko')));
    change(new DataView(bytes.buffer), new RawElf(bytes));
    return bytes;
  };
  const files = HUGE.flatMap((place, i) => [
    [`table-${i}.ko`, changed(view => view.setBigUint64(40, place, true))] as const,
    [
      `sections-${i}.ko`,
      changed((view, elf) => {
        for (const s of elf.sections.slice(1)) view.setBigUint64(s.header + 24, place, true);
      }),
    ] as const,
  ]);

  it.each(files)('%s exports nothing, has no build id, and does not stop the others', async (name, bytes) => {
    fs.writeFileSync(at(name), bytes);
    expect(await new ExportReader().read(at(name))).toBeUndefined();
    expect(peekBuildId(at(name))).toBe('');
  });

  it('are told of each file', () => {
    const good = sample('6.1', 'tocsin_demo.ko');
    const names = files.slice(0, 4).map(([name]) => at(name));
    const { code, stdout } = inThread(['check', good, ...names, '--kernel', index, '--format', 'ndjson', '--no-proof']);
    expect(code).toBe(1);
    const answers = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(answers.map(a => a.loads)).toEqual([true, false, false, false, false]);
  });
});

it('a note whose name wraps around is passed over', () => {
  const bytes = note('GNU', 3, Uint8Array.of(1, 2, 3, 4));
  // Sizes that led to the same note again, or in front of it.
  for (const size of [0xfffffff4, 0xfffffff0, 0xffffffff]) {
    const damaged = new Uint8Array([...bytes, ...bytes]);
    new DataView(damaged.buffer).setUint32(0, size, true);
    new DataView(damaged.buffer).setUint32(4, 0, true);
    const builder = new ObjectBuilder();
    builder.section('.note', { type: SHT.NOTE, align: 4, bytes: damaged });
    fs.writeFileSync(at('notes.o'), builder.build());
    expect(peekBuildId(at('notes.o'))).toBe('');
  }
});

it('an index with damaged symbols is one, whoever asks and how often', () => {
  const bytes = fs.readFileSync(index);
  bytes[bytes.length - 20]! ^= 1;
  fs.writeFileSync(at('damaged.index'), bytes);
  const knowledge = openIndexFile(at('damaged.index'))!;
  for (let i = 0; i < 3; i++) expect(codeOf(() => knowledge.symbols.find('_printk'))).toBe('KER012');
  fs.writeFileSync(at('cut.index'), bytes.subarray(0, bytes.length >> 1));
  expect(codeOf(() => openIndexFile(at('cut.index')))).toBe('KER012');
});

it('devices without end and pipes without a writer are not waited for', () => {
  for (const device of ['/dev/zero', '/dev/full'])
    for (const command of [
      ['scan', device],
      ['scan', '--summary', device],
      ['check', device, '--kernel', index],
    ]) {
      const { code, stderr } = inThread(command);
      expect([code, stderr.includes('[IO004]')], command.join(' ')).toEqual([2, true]);
    }
  const good = sample('6.1', 'tocsin_demo.ko');
  const { code } = shell(
    `mkfifo "${at('pipe')}" && timeout 30 $TOCSIN check "${good}" --modules "${at('pipe')}" --kernel "${index}"`,
  );
  expect(code).toBe(0);
});
