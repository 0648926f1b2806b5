/** The text of every template, given to GNU as, must come back as its words and relocations. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { BRANCH, directByAddress, frameTemplate, type Template } from '../../../src/trampoline/template.ts';

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
  ['frame, r2 known, recomputed', frameTemplate(true, true)],
  ['frame, r2 known, saved', frameTemplate(true, false)],
  ['frame, r2 unknown, recomputed', frameTemplate(false, true)],
  ['frame, r2 unknown, saved', frameTemplate(false, false)],
];

describe('templates', () => {
  it.each(templates)('%s: words and relocations are those of the assembler', (_, template) => {
    const relocations = template.flatMap((row, i) => (row.relocation ? [{ offset: i * 4, ...row.relocation }] : []));
    expect(assemble(template)).toEqual({ words: template.map(row => row.word), relocations });
  });
});
