/**
 * Properties: whatever is asked for, the result reads, holds what was asked for, and is otherwise what it was. What to
 * expect is worked out here from the plain reader and the list of edits, without `src/elf`.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ElfEditor } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { readElf } from '../../../src/elf/read.ts';
import { ObjectBuilder, R, SHF, SHT, type SymbolHandle } from '../../support/object-builder.ts';
import { RawElf, type RawSection, type RawSymbol } from '../../support/raw-elf.ts';

interface PlainSection {
  readonly size: number;
  readonly align: number;
  readonly gap: number;
  readonly nobits: boolean;
  readonly symbols: readonly { readonly global: boolean; readonly value: number }[];
  /** Relocations of this section: which symbol, counted through all. */
  readonly relocations: readonly number[];
  readonly droppable: boolean;
  readonly edit: Edit;
}

interface Edit {
  readonly drop: boolean;
  readonly words: readonly { readonly at: number; readonly word: number }[];
  /** Cut points; each pair of neighbours with an even number is a range that goes. */
  readonly cuts: readonly number[];
  readonly append: readonly Uint8Array[];
}

interface Scenario {
  readonly sections: readonly PlainSection[];
  readonly tableFirst: boolean;
  readonly trailing: number;
  readonly group: boolean;
  readonly newSections: readonly { readonly bytes: Uint8Array; readonly align: number }[];
  readonly newSymbols: readonly { readonly local: boolean; readonly place: number; readonly relocate: number }[];
}

const alignment = fc.constantFrom(0, 1, 2, 4, 8, 16, 64);
const bytes = (max: number) => fc.uint8Array({ maxLength: max });

const plainSection: fc.Arbitrary<PlainSection> = fc.record({
  size: fc.nat(70),
  align: alignment,
  gap: fc.oneof(fc.constant(0), fc.nat(9)),
  nobits: fc.boolean(),
  symbols: fc.array(fc.record({ global: fc.boolean(), value: fc.nat(80) }), { maxLength: 3 }),
  relocations: fc.array(fc.nat(20), { maxLength: 3 }),
  droppable: fc.boolean(),
  edit: fc.record({
    drop: fc.boolean(),
    words: fc.array(fc.record({ at: fc.nat(60), word: fc.integer({ min: 0, max: 0xffffffff }) }), { maxLength: 2 }),
    cuts: fc.array(fc.nat(70), { maxLength: 4 }),
    append: fc.array(bytes(20), { maxLength: 2 }),
  }),
});

const scenario: fc.Arbitrary<Scenario> = fc.record({
  sections: fc.array(plainSection, { minLength: 1, maxLength: 6 }),
  tableFirst: fc.boolean(),
  trailing: fc.nat(10),
  group: fc.boolean(),
  newSections: fc.array(fc.record({ bytes: bytes(30), align: alignment }), { maxLength: 2 }),
  newSymbols: fc.array(fc.record({ local: fc.boolean(), place: fc.nat(8), relocate: fc.nat(8) }), { maxLength: 3 }),
});

function build(s: Scenario): Uint8Array {
  const builder = new ObjectBuilder({ tableFirst: s.tableFirst, trailing: new Uint8Array(s.trailing).fill(0xee) });
  const symbols: SymbolHandle[] = [];
  s.sections.forEach((section, i) => {
    const contents = Uint8Array.from({ length: section.size }, (_, k) => i * 37 + k);
    const index = builder.section(`.s${i}`, {
      flags: SHF.ALLOC,
      align: section.align,
      gap: new Uint8Array(section.gap).fill(section.gap % 3),
      ...(section.nobits ? { type: SHT.NOBITS, size: section.size } : { bytes: contents }),
    });
    section.symbols.forEach(({ global, value }, k) => {
      const handle = builder.symbol(`s${i}_${k}`, { section: index, value, bind: global ? 1 : 0 });
      // What may be dropped is not needed by a relocation.
      if (!section.droppable) symbols.push(handle);
    });
  });
  symbols.push(builder.undefined('elsewhere'));
  s.sections.forEach((section, i) => {
    if (section.nobits || section.size === 0 || section.droppable) return;
    section.relocations.forEach((pick, k) => {
      builder.relocate(i + 1, k % section.size, R.REL24, symbols[pick % symbols.length]!, k - 1);
    });
  });
  if (s.group)
    builder.group(
      symbols.at(-1)!,
      s.sections.map((_, i) => i + 1),
    );
  return builder.build();
}

/** [start, end) pairs of what goes, ascending and apart, inside `size`. */
function removals({ cuts }: Edit, size: number): [number, number][] {
  const points = [...new Set(cuts.map(c => Math.min(c, size)))].sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (let i = 0; i + 1 < points.length; i += 2) ranges.push([points[i]!, points[i + 1]!]);
  return ranges;
}

/** Relocated sections keep their size here: what happens to their r_offsets is the caller's business. */
const isFree = (p: PlainSection) => !p.nobits && p.droppable;

function edit(editor: ElfEditor, s: Scenario): { symbols: number[]; sections: number[] } {
  s.sections.forEach((p, i) => {
    const index = i + 1;
    if (p.droppable && p.edit.drop) editor.dropSection(index);
    if ((p.droppable && p.edit.drop) || p.nobits) return;
    for (const { at, word } of p.edit.words) if (at % 4 === 0 && at + 4 <= p.size) editor.setWord(index, at, word);
    if (!isFree(p)) return;
    for (const [start, end] of removals(p.edit, p.size)) editor.remove(index, start, end - start);
    for (const more of p.edit.append) editor.append(index, more);
  });
  const sections = s.newSections.map(({ bytes: contents, align }, i) =>
    editor.addSection({
      name: `.new${i}`,
      sh_type: SHT.PROGBITS,
      sh_flags: 0,
      sh_link: 0,
      sh_info: 0,
      sh_addralign: align,
      sh_entsize: 0,
      contents,
    }),
  );
  const kept = s.sections.flatMap((p, i) => (p.droppable && p.edit.drop ? [] : [i + 1]));
  const places = [0, ...kept, ...sections];
  const rela = editor.elf.sections.filter(x => x.sh_type === SHT.RELA);
  const symbols = s.newSymbols.map(({ local, place, relocate }, i) => {
    const symbol = editor.addSymbol({
      name: `new${i}`,
      binding: local ? 0 : 1,
      type: 0,
      st_other: i << 5,
      st_shndx: places[place % places.length]!,
      st_value: i,
      st_size: 1,
    });
    const table = rela[relocate % Math.max(rela.length, 1)];
    if (table !== undefined) editor.appendRelocation(table.index, 0, symbol, R.REL24, -4);
    return symbol;
  });
  return { symbols, sections };
}

const described = (symbol: RawSymbol, sections: readonly RawSection[]) =>
  [
    symbol.name,
    symbol.info,
    symbol.other,
    symbol.special ? symbol.section : sections[symbol.section]?.name,
    symbol.value,
    symbol.size,
  ].join('|');

function expectedContents(s: Scenario, i: number, before: Uint8Array): Uint8Array {
  const p = s.sections[i]!;
  const contents = before.slice();
  const view = new DataView(contents.buffer);
  for (const { at, word } of p.edit.words) if (at % 4 === 0 && at + 4 <= p.size) view.setUint32(at, word, true);
  if (!isFree(p)) return contents;
  const gone = new Set(removals(p.edit, p.size).flatMap(([a, b]) => Array.from({ length: b - a }, (_, k) => a + k)));
  return Uint8Array.from([...contents.filter((_, k) => !gone.has(k)), ...p.edit.append.flatMap(a => [...a])]);
}

describe('random edits of random objects', () => {
  it('give what was asked for and leave all else as it was', () => {
    fc.assert(
      fc.property(scenario, s => {
        const input = build(s);
        const before = new RawElf(input);
        const editor = new ElfEditor(readElf(input));
        const added = edit(editor, s);
        const { bytes: output, correspondences } = layOut(editor);
        const after = new RawElf(output);
        const again = readElf(output);
        for (const section of again.sections) if (section.sh_type === SHT.RELA) again.relocations(section);

        // Sections: the kept ones in order, then the new ones.
        const isDropped = (n: number) => s.sections[n - 1]?.droppable === true && s.sections[n - 1]!.edit.drop;
        const kept = before.sections.filter(x => !isDropped(x.index));
        expect(after.sections.map(x => x.name)).toEqual([
          ...kept.map(x => x.name),
          ...s.newSections.map((_, i) => `.new${i}`),
        ]);
        const target = new Map(kept.map((x, i) => [x.index, i]));
        added.sections.forEach((n, i) => {
          target.set(n, kept.length + i);
          expect(after.sections[kept.length + i]!.contents).toEqual(s.newSections[i]!.bytes);
        });
        for (const x of kept) {
          const y = after.sections[target.get(x.index)!]!;
          expect([y.type, y.flags, y.address, y.align, y.entsize]).toEqual([
            x.type,
            x.flags,
            x.address,
            x.align,
            x.entsize,
          ]);
          expect(y.link).toBe(target.get(x.link));
          if (x.type === SHT.RELA) expect(y.info).toBe(target.get(x.info));
          if (x.align > 1 && y.offset !== x.offset && x.type !== SHT.NOBITS && x.size > 0)
            expect(y.offset % x.align).toBe(0);
          if (/^\.s\d/.test(x.name)) {
            expect(y.contents).toEqual(
              x.type === SHT.NOBITS ? x.contents : expectedContents(s, x.index - 1, x.contents),
            );
            if (x.type === SHT.NOBITS) expect(y.size).toBe(x.size);
          }
          if (x.type === SHT.STRTAB) expect(y.contents.subarray(0, x.size)).toEqual(x.contents);
        }

        // Symbols: locals, new locals, globals, new globals.
        const symbolsKept = before.symbols.filter(x => x.special || !isDropped(x.section));
        const fresh = s.newSymbols.map(
          (n, i) => after.symbols.find(x => x.name === `new${i}` && x.info >> 4 === (n.local ? 0 : 1))!,
        );
        const isLocal = (x: RawSymbol) => x.info >> 4 === 0;
        const expected = [
          ...symbolsKept.filter(isLocal).map(x => described(x, before.sections)),
          ...fresh.filter(isLocal).map(x => described(x, after.sections)),
          ...symbolsKept.filter(x => !isLocal(x)).map(x => described(x, before.sections)),
          ...fresh.filter(x => !isLocal(x)).map(x => described(x, after.sections)),
        ];
        expect(after.symbols.map(x => described(x, after.sections))).toEqual(expected);
        expect(after.named('.symtab').info).toBe(after.symbols.filter(isLocal).length);

        // Relocations and groups mean the same symbols and sections.
        for (const x of kept.filter(k => k.type === SHT.RELA)) {
          const y = after.relocations(after.sections[target.get(x.index)!]!);
          const old = before.relocations(x);
          old.forEach((r, i) => {
            expect([y[i]!.offset, y[i]!.type, y[i]!.addend]).toEqual([r.offset, r.type, r.addend]);
            expect(described(after.symbols[y[i]!.symbol]!, after.sections)).toBe(
              described(before.symbols[r.symbol]!, before.sections),
            );
          });
          for (const r of y.slice(old.length)) expect(after.symbols[r.symbol]!.name).toMatch(/^new/);
        }
        if (s.group) {
          const [flags, ...members] = new Uint32Array(after.named('.group').contents.slice().buffer);
          expect(flags).toBe(1);
          expect(members).toEqual(s.sections.flatMap((_, i) => (isDropped(i + 1) ? [] : [target.get(i + 1)!])));
          expect(after.symbols[after.named('.group').info]!.name).toBe('elsewhere');
        }

        // The correspondences tell where each kept byte went.
        const place = new Float64Array(input.length).fill(-1);
        let end = 0;
        const claimed = new Uint8Array(output.length);
        for (const { from, to, length, exact } of correspondences) {
          expect(from).toBeGreaterThanOrEqual(end);
          end = from + length;
          expect(end).toBeLessThanOrEqual(input.length);
          for (let i = 0; i < length; i++) {
            expect(claimed[to + i]).toBe(0);
            claimed[to + i] = 1;
            place[from + i] = to + i;
            if (exact) expect(output[to + i]).toBe(input[from + i]);
          }
        }
        for (const x of kept) {
          if (!/^\.s\d/.test(x.name) || x.type === SHT.NOBITS) continue;
          const p = s.sections[x.index - 1]!;
          const y = after.sections[target.get(x.index)!]!;
          const ranges = isFree(p) ? removals(p.edit, p.size) : [];
          let gone = 0;
          for (let i = 0; i < x.size; i++) {
            const removed = ranges.some(([a, b]) => i >= a && i < b);
            if (removed) gone++;
            expect(place[x.offset + i]).toBe(removed ? -1 : y.offset + i - gone);
          }
        }
        if (s.trailing > 0) expect(output.includes(0xee)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('the order of requests does not matter', () => {
    fc.assert(
      fc.property(scenario, s => {
        const elf = readElf(build(s));
        const one = new ElfEditor(elf);
        edit(one, s);
        const two = new ElfEditor(elf);
        const backwards = [...s.sections.keys()].reverse();
        for (const i of backwards) {
          const p = s.sections[i]!;
          if (p.droppable && p.edit.drop) two.dropSection(i + 1);
          else if (!p.nobits) {
            if (isFree(p)) for (const [a, b] of removals(p.edit, p.size)) two.remove(i + 1, a, b - a);
            if (isFree(p)) for (const more of p.edit.append) two.append(i + 1, more);
            for (const { at, word } of p.edit.words) if (at % 4 === 0 && at + 4 <= p.size) two.setWord(i + 1, at, word);
          }
        }
        edit(two, {
          ...s,
          sections: s.sections.map(p => ({ ...p, edit: { drop: p.edit.drop, words: [], cuts: [], append: [] } })),
        });
        expect(Buffer.compare(layOut(one).bytes, layOut(two).bytes)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
