/** The text of every template, given to GNU as, must come back as its words and relocations. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { type HookShape, hookTemplates } from '../../../src/trampoline/hook.ts';
import { enter, enterWithToc, shadowTemplate } from '../../../src/trampoline/shadow.ts';
import { shadowStackTemplate } from '../../../src/trampoline/shadow-stack.ts';
import {
  BRANCH,
  directByAddress,
  directWithToc,
  frameTemplate,
  longBranch,
  type Template,
} from '../../../src/trampoline/template.ts';

function assemble(template: Template): { words: number[]; relocations: object[] } {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-template-'));
  try {
    const source = join(folder, 't.s');
    const object = join(folder, 't.o');
    writeFileSync(source, `.globl target\n${template.map(row => row.asm).join('\n')}\n`);
    execFileSync('powerpc64le-linux-gnu-as', ['-mpower8', '-o', object, source]);
    const elf = readElf(readFileSync(object));
    const table = elf.relocations(elf.sectionNamed('.rela.text')!);
    return {
      words: [...elf.sectionWords(elf.sectionNamed('.text')!)],
      relocations: Array.from({ length: table.count }, (_, i) => ({
        offset: table.offset(i),
        type: table.type(i),
        role: elf.symbols!.name(table.symbol(i)),
        addend: table.addend(i),
      })),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const templates: readonly (readonly [string, Template])[] = [
  ['branch', [BRANCH]],
  ['direct by address', directByAddress],
  ['direct with the TOC', directWithToc],
  ['long branch', longBranch],
  ['frame, r2 known, recomputed', frameTemplate(true, true)],
  ['frame, r2 known, saved', frameTemplate(true, false)],
  ['frame, r2 unknown, recomputed', frameTemplate(false, true)],
  ['frame, r2 unknown, saved', frameTemplate(false, false)],
];

const moved = {
  asm: 'addis 9,2,moved@toc@ha',
  word: 0x3d220000,
  relocation: { type: 50, role: 'moved', addend: 0 },
} as const;
const shape: HookShape = { tocOnEntry: true, toc: 'recomputed', ip: 12, resume: 8, moved, siteSavesLink: false };
const here = { external: false };
const elsewhere = { external: true };

const hooks: readonly (readonly [string, HookShape])[] = [
  ['before, here', { ...shape, before: here }],
  ['before, elsewhere', { ...shape, before: elsewhere, moved: undefined, resume: 0, ip: 0 }],
  ['before, elsewhere, saved', { ...shape, before: elsewhere, toc: 'saved' }],
  ['before, any r2', { ...shape, before: elsewhere, tocOnEntry: false }],
  ['after, here', { ...shape, after: here }],
  ['after, elsewhere', { ...shape, after: elsewhere }],
  ['after, any r2', { ...shape, after: elsewhere, tocOnEntry: false, siteSavesLink: true }],
  ['both', { ...shape, before: elsewhere, after: elsewhere }],
];

/** Hooks and bodies, each a template. */
const hookCode = hooks.flatMap(([name, of]) => {
  const { hook, body } = hookTemplates(of);
  return body === undefined ? [[name, hook] as const] : [[name, hook] as const, [`${name}, body`, body] as const];
});

const rest: Template = [
  moved,
  { asm: 'b function+8', word: 0x48000000, relocation: { type: 10, role: 'function', addend: 8 } },
];
const shadows = (['recomputed', 'saved'] as const).flatMap(toc => [
  [`shadow, ${toc}`, shadowTemplate(toc, rest)] as const,
  [`shadow, ${toc}, nothing moved`, shadowTemplate(toc, rest.slice(1))] as const,
  [`shadow, ${toc}, as a whole`, shadowTemplate(toc, enter)] as const,
  [`shadow, ${toc}, as a whole with r2`, shadowTemplate(toc, enterWithToc)] as const,
  [`shadow on the kernel's stack, ${toc}`, shadowStackTemplate(toc, { threadInfo: 2312, sp: 16 }, rest)] as const,
  [
    `shadow on the kernel's stack, ${toc}, nothing moved`,
    shadowStackTemplate(toc, { threadInfo: 8, sp: 24 }, rest.slice(1)),
  ] as const,
]);

describe('the data of shadow redirects', () => {
  it.each(['shadow', 'shadow-stack'])('is what the assembler makes of its source, %s', name => {
    const folder = mkdtempSync(join(tmpdir(), 'tocsin-runtime-'));
    const runtime = resolve(import.meta.dirname, '../../../runtime');
    try {
      execFileSync('powerpc64le-linux-gnu-as', ['-mpower8', `${name}.S`, '-o', join(folder, 'data.o')], {
        cwd: runtime,
      });
      expect(readFileSync(join(folder, 'data.o')).equals(readFileSync(join(runtime, `${name}.o`)))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('templates', () => {
  it.each([...templates, ...shadows, ...hookCode.map(([name, code]) => [`hook ${name}`, code] as const)])(
    '%s: words and relocations are those of the assembler',
    (_, template) => {
      const relocations = template.flatMap((row, i) => (row.relocation ? [{ offset: i * 4, ...row.relocation }] : []));
      expect(assemble(template)).toEqual({ words: template.map(row => row.word), relocations });
    },
  );
});
