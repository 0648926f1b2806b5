import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ppc64/decode.ts';
import { directTemplate } from '../../../src/trampoline/direct.ts';
import { frame } from '../../../src/trampoline/frame.ts';
import { codeSection, trampolineSymbol } from '../../../src/trampoline/names.ts';
import type { Template } from '../../../src/trampoline/template.ts';
import { unusedName } from '../../../src/util/unused-name.ts';

const mnemonics = (template: Template) =>
  template.map(row => {
    const decoded = decode(row.word);
    return decoded.known ? decoded.instruction.mnemonic : '?';
  });

/** Where LR points in a template, and what the REL16 pairs add to it: byte offsets from the template's start. */
function addresses(template: Template): { here: number; distances: Set<number> } {
  let here = -1;
  const distances = new Set<number>();
  template.forEach((row, i) => {
    if (row.asm.startsWith('bcl') || row.asm.startsWith('bl ')) here = i * 4 + 4;
    // S + A - P with A = P - here is S - here, whatever the place.
    if (row.relocation !== undefined && row.relocation.type >= 250) distances.add(i * 4 - row.relocation.addend - here);
  });
  return { here, distances };
}

describe('templates', () => {
  it('stores and loads LR, opens and closes 32 bytes of stack', () => {
    expect(mnemonics(frame(2, 'recomputed'))).toEqual([
      'mflr',
      'std',
      'stdu',
      'bl',
      'nop',
      'mflr',
      'addis',
      'addi',
      'addi',
      'ld',
      'mtlr',
      'blr',
    ]);
    expect(mnemonics(frame(2, 'saved'))).toEqual(['mflr', 'std', 'stdu', 'bl', 'nop', 'addi', 'ld', 'mtlr', 'blr']);
  });

  it('computes r2 before the call where the function may be entered with any', () => {
    const names = mnemonics(frame(0, 'saved'));
    expect(names.indexOf('addis')).toBeGreaterThan(names.indexOf('stdu'));
    expect(names.indexOf('addis')).toBeLessThan(names.indexOf('bl'));
  });

  it.each([
    { template: frame(0, 'saved') },
    { template: frame(2, 'recomputed') },
    { template: frame(0, 'recomputed') },
    { template: directTemplate(0, 2).code },
    { template: directTemplate(0, 2, true).code },
  ])('adds every distance to the address that LR holds (%#)', ({ template }) => {
    expect(addresses(template).distances).toEqual(new Set([0]));
  });

  it('puts the nop that the loader wants behind every call', () => {
    for (const template of [frame(0, 'saved'), frame(2, 'saved'), frame(0, 'recomputed'), frame(2, 'recomputed')])
      expect(template[template.findIndex(row => row.asm === 'bl target') + 1]!.word).toBe(0x60000000);
  });

  it('branches in place unless r2 has to be found for the target', () => {
    expect(directTemplate(2, 2).inPlace).toBe(true);
    expect(directTemplate(2, 0).inPlace).toBe(true);
    expect(directTemplate(0, 0).inPlace).toBe(true);
    const far = directTemplate(0, 2);
    expect(far.inPlace).toBe(false);
    expect(mnemonics(far.code)).toEqual(['mflr', 'bcl', 'mflr', 'mtlr', 'addis', 'addi', 'mtctr', 'bctr']);
    const atEntry = directTemplate(0, 0, true);
    expect(atEntry.inPlace).toBe(false);
    expect(mnemonics(atEntry.code)).toEqual(['mflr', 'bcl', 'mflr', 'mtlr', 'addis', 'addi', 'b']);
  });
});

describe('names', () => {
  it('finds one that is free', () => {
    const taken = new Set(['.text.tocsin', '.text.tocsin.2']);
    expect(unusedName('.text.tocsin', '.', n => taken.has(n))).toBe('.text.tocsin.3');
    expect(unusedName(trampolineSymbol('frame', 'f'), '_', () => false)).toBe('__tocsin_frame_f');
  });

  it('puts code for init functions with the init part', () => {
    expect(codeSection('.init.text')).toBe('.init.text.tocsin');
    expect(codeSection('.exit.text')).toBe('.text.tocsin');
    expect(codeSection('.text.unlikely')).toBe('.text.tocsin');
  });
});
