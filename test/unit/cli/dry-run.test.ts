/** What a dry run shows is what a real run changes, word by word and found by comparing the files; it ends alike, and writes nothing. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type PatchArguments, patchCommand } from '../../../src/cli/commands/patch.ts';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { RELA_WORDS } from '../../../src/elf/relocations.ts';
import type { PatchDocument } from '../../../src/report/patch/document.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { linkedImage } from '../../support/linked-image.ts';
import { root } from '../../support/samples.ts';
import { FUNCTIONS, object } from '../rewrite/image/support.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const valid = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8')),
);
const custom = `custom:${root}samples/custom/frame.o` as const;

const NOTHING: PatchArguments = {
  file: '',
  output: undefined,
  nops: [],
  redirects: [],
  objects: [],
  hooks: [],
  exitHooks: [],
  retargets: [],
  epilogues: [],
  strategy: 'auto',
  toc: 'recomputed',
  shadowStack: 'auto',
  at: undefined,
  symvers: [],
  modules: [],
  kernel: undefined,
  allowUnproved: false,
  signing: undefined,
  dryRun: false,
  report: undefined,
  format: 'json',
  force: false,
  quiet: true,
  verbose: false,
};

type Asked = Partial<PatchArguments>;

/** Exit code, or the code of the complaint, and the document. */
async function run(args: Asked) {
  let doc: PatchDocument | undefined;
  try {
    const code = await patchCommand(
      { ...NOTHING, ...args },
      () => import('../../../src/cli/patch/proved.ts'),
      told => {
        doc = told;
      },
    );
    return { code, doc };
  } catch (error) {
    return { code: (error as { code: string }).code, doc };
  }
}

/** The relocations of a section, by the word that they are in. */
function relocationsOf(elf: ElfFile, target: number): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const section of elf.sections) {
    if (section.sh_type !== 4 || section.sh_info !== target) continue;
    const { words, count } = elf.relocations(section);
    for (let i = 0; i < count; i++) {
      const [offset, , type, symbol, low, high] = words.subarray(i * RELA_WORDS, (i + 1) * RELA_WORDS);
      const word = offset! & ~3;
      const name = elf.symbols!.name(symbol!) || `section ${elf.symbols!.sectionOf(symbol!)}`;
      found.set(word, `${found.get(word) ?? ''} ${offset}:${type} ${name}+${high}:${low}`);
    }
  }
  return found;
}

const wordAt = (bytes: Uint8Array, offset: number) =>
  (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32LE(offset) >>> 0).toString(16).padStart(8, '0');

/** Words of the input's code that are others in the output, or have another relocation there. */
function changes(before: ElfFile, after: ElfFile) {
  const [words, relocated]: [string[], string[]] = [[], []];
  for (const section of before.sections) {
    if (!section.isCode) continue;
    const [old, now] = [before.contents(section), after.contents(after.sections[section.index]!)];
    expect(after.sections[section.index]!.name).toBe(section.name);
    const [was, is] = [relocationsOf(before, section.index), relocationsOf(after, section.index)];
    for (let offset = 0; offset + 4 <= old.length; offset += 4) {
      const [a, b] = [wordAt(old, offset), wordAt(now, offset)];
      if (a !== b) words.push(`${section.name}+${offset} ${a} ${b}`);
      else if (was.get(offset) !== is.get(offset)) relocated.push(`${section.name}+${offset} ${a} ${b}`);
    }
  }
  return { words, relocated };
}

async function compare(file: string, asked: Asked): Promise<void> {
  const outside = at('real');
  mkdirSync(outside, { recursive: true });
  const listed = () =>
    readdirSync(folder).map(name => `${name} ${name.includes('.') ? readFileSync(at(name)).length : ''}`);
  const before = listed();
  const dry = await run({ ...asked, file, output: at('dry.ko'), dryRun: true });
  expect(listed()).toEqual(before);
  const output = join(outside, 'out.ko');
  const real = await run({ ...asked, file, output });
  expect([real.code, real.doc?.written, dry.code, dry.doc?.written]).toEqual([0, true, 0, false]);
  expect(valid(JSON.parse(JSON.stringify(dry.doc))), JSON.stringify(valid.errors)).toBe(true);
  const { output: _, ...told } = real.doc!;
  expect(JSON.parse(JSON.stringify(dry.doc))).toEqual(
    JSON.parse(JSON.stringify({ ...told, dryRun: true, written: false })),
  );
  const [input, patched] = [file, output].map(path => readElf(new Uint8Array(readFileSync(path)))) as [
    ElfFile,
    ElfFile,
  ];
  const { words, relocated } = changes(input, patched);
  // What is changed in an object that was merged in has no place in the input.
  const sizes = new Map(input.sections.map(s => [s.name, s.sh_size]));
  const own = dry.doc!.words!.filter(w => w.offset < (sizes.get(w.section) ?? 0));
  const shown = own.map(w => `${w.section}+${w.offset} ${w.before} ${w.after}`);
  expect(shown.filter(line => !relocated.includes(line)).sort()).toEqual(words.sort());
  expect(relocated.filter(line => !shown.includes(line))).toEqual([]);
  expect(new Set(shown).size).toBe(shown.length);
  for (const { section, size, lines } of dry.doc!.newCode) {
    const found = patched.sections.find(s => s.name === section)!;
    expect(found.sh_size).toBeGreaterThanOrEqual(size);
    const listing = lines.flatMap(l => l.word.split(' '));
    expect(listing).toHaveLength(size / 4);
    const start = found.sh_size - size;
    listing.forEach((word, i) => {
      expect(wordAt(patched.contents(found), start + i * 4)).toBe(word);
    });
  }
}

beforeAll(async () => {
  writeFileSync(at('image.vmlinux'), linkedImage({ functions: FUNCTIONS }));
  writeFileSync(at('fix.o'), object().elf.bytes);
  const fix = `${root}samples/6.1/tocsin_fix.ko`;
  expect((await run({ file: fix, output: at('copies.ko'), epilogues: ['fix_*'] })).code).toBe(0);
});

const EXTERNAL: Asked = { redirects: ['demo_in_range=fix_in_range'] };
const OWN: Asked = { redirects: ['demo_in_range=demo_in_range_fixed'] };
const PLACES = ['after-site', 'site', 'global-entry', 'local-entry'] as const;
const STRATEGIES: Readonly<Record<string, Asked>> = {
  direct: { ...OWN, strategy: 'direct' },
  frame: { ...EXTERNAL, strategy: 'frame' },
  'frame, saved': { ...EXTERNAL, strategy: 'frame', toc: 'saved' },
  shadow: { ...EXTERNAL, strategy: 'shadow' },
  epilogue: { ...EXTERNAL, strategy: 'epilogue' },
  auto: EXTERNAL,
};
const OTHERS: Readonly<Record<string, Asked>> = {
  nop: { nops: ['*'] },
  hook: { hooks: ['demo_*=fix_in_range'] },
  'hook, saved, at the site': { hooks: ['demo_in_range=fix_in_range'], at: 'site', toc: 'saved' },
  'hook-exit': { hooks: ['demo_lookup=fix_in_range'], exitHooks: ['demo_lookup=fix_parity'] },
  custom: { ...EXTERNAL, strategy: custom },
  'custom, at the site': { ...EXTERNAL, strategy: custom, at: 'site' },
  retarget: { retargets: ['demo_lookup:demo_in_range=demo_in_range_fixed', 'demo_external:int_sqrt=fix_parity'] },
  epilogues: { epilogues: ['demo_in_range*'] },
  merged: { redirects: ['demo_in_range=fixed_in_range'], nops: ['demo_alarm'], allowUnproved: true },
};

describe.each(['6.1', '6.12', '7.2'])('a %s module', generation => {
  const file = `${root}samples/${generation}/tocsin_demo.ko`;
  const known: Asked = {
    symvers: [`${root}samples/${generation}/kernel/Module.symvers`, `${root}samples/${generation}/Module.symvers`],
  };

  it.each(Object.keys(OTHERS))('%s', async name => {
    const objects = name === 'merged' ? [`${root}samples/${generation}/demo_object.o`] : [];
    await compare(file, { ...known, ...OTHERS[name], objects });
  });

  if (generation === '6.1')
    it.each(Object.keys(STRATEGIES).flatMap(name => PLACES.map(place => [name, place] as const)))(
      '%s, %s',
      async (name, place) => {
        await compare(file, {
          ...known,
          ...STRATEGIES[name],
          modules: name === 'epilogue' ? [at('copies.ko')] : [],
          at: place,
        });
      },
    );
});

describe('a kernel image', () => {
  it.each<[string, Asked]>([
    ['nop', { nops: ['first', 'leaf'] }],
    ['direct', { redirects: ['first=second'] }],
    ['direct, at the site', { redirects: ['first=second'], at: 'site' }],
    ['merged', { redirects: ['first=fix'], objects: ['fix.o'] }],
    ['hook', { hooks: ['first=fix'], objects: ['fix.o'] }],
    ['hook-exit', { exitHooks: ['second=fix'], objects: ['fix.o'] }],
    ['retarget', { retargets: ['caller:helper=fix'], objects: ['fix.o'] }],
  ])('%s', async (_name, asked) => {
    await compare(at('image.vmlinux'), { ...asked, objects: (asked.objects ?? []).map(at), allowUnproved: true });
  });
});

describe('a dry run ends as the real run', () => {
  const file = `${root}samples/6.1/tocsin_demo.ko`;
  const readOnly = () => {
    copyFileSync(file, at('protected.ko'));
    chmodSync(at('protected.ko'), 0o444);
    return at('protected.ko');
  };

  it.each<[string, Asked & { readonly output?: string }]>([
    ['where the name is none', { nops: ['nobody'] }],
    ['where the result is wrong', { redirects: ['demo_sum_ten=fix_sum_ten'], strategy: 'frame' }],
    ['where a version is missing', { redirects: ['demo_in_range=fix_in_range'] }],
    ['where the folder of the output is none', { nops: ['*'], output: 'none/out.ko' }],
    ['where the output is a folder', { nops: ['*'], output: '.' }],
    ['where the output would lie in a file', { nops: ['*'], output: 'fix.o/out.ko' }],
    ['where the output is something that is read', { nops: ['*'], objects: ['fix.o'], output: 'fix.o' }],
    ['where the input is damaged', { nops: ['*'], file: 'damaged.ko' }],
    ['where the input is none', { nops: ['*'], file: 'nobody.ko' }],
  ])('%s', async (_name, { output = 'never.ko', objects = [], file: other, ...asked }) => {
    const bytes = new Uint8Array(readFileSync(file));
    const elf = readElf(bytes);
    const rela = elf.sections.find(s => s.sh_type === 4 && s.name === '.rela.text')!;
    bytes[rela.sh_offset + 8] = 0xfe;
    writeFileSync(at('damaged.ko'), bytes);
    const same = {
      ...asked,
      file: other === undefined ? file : at(other),
      output: at(output),
      objects: objects.map(at),
    };
    const real = await run(same);
    const dry = await run({ ...same, dryRun: true });
    expect(real.code).not.toBe(0);
    expect(dry.code).toBe(real.code);
  });

  it('where the output is write-protected, unless root writes', async () => {
    const output = readOnly();
    const real = await run({ file, nops: ['demo_alarm'], output });
    chmodSync(output, 0o444);
    expect((await run({ file, nops: ['demo_alarm'], output, dryRun: true })).code).toBe(real.code);
  });

  it('by the exit code of the process too', () => {
    for (const [asked, code] of [
      [['--nop', 'demo_alarm'], 0],
      [['--nop', 'nobody'], 1],
      [['--nop', 'demo_alarm', '--report', at('none/r.json')], 2],
    ] as const)
      for (const how of [['-o', at('process.ko')], ['--dry-run']])
        expect(inThread(['patch', file, ...asked, ...how]).code).toBe(code);
  });
});
