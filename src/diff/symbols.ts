/** Symbols by name: what is new, what is gone, and what is no longer what it was. Numbers and order do not count. */
import { SHN_ABS, SHN_COMMON, SHN_LIVEPATCH, STB_LOCAL, STT_SECTION } from '../elf/constants.ts';
import type { SymbolIndex } from '../util/indexes.ts';
import type { CodeComparer } from './code.ts';
import { groupBy, normalisedName } from './match.ts';
import type { FieldChange, SymbolDiff } from './model.ts';
import type { References } from './references.ts';
import type { Side } from './side.ts';

const types: Readonly<Record<number, string>> = {
  0: 'NOTYPE',
  1: 'OBJECT',
  2: 'FUNC',
  3: 'SECTION',
  4: 'FILE',
  5: 'COMMON',
  6: 'TLS',
  10: 'IFUNC',
};
const bindings: Readonly<Record<number, string>> = { 0: 'local', 1: 'global', 2: 'weak', 10: 'unique' };
const visibilities = ['default', 'internal', 'hidden', 'protected'] as const;

const typeText = (type: number) => types[type] ?? `type ${type}`;
const bindingText = (binding: number) => bindings[binding] ?? `binding ${binding}`;

export interface SymbolComparison {
  readonly symbols: readonly SymbolDiff[];
  /** Local symbols of which only the compiler's number is another. */
  readonly renumbered: number;
}

interface Entry {
  readonly index: SymbolIndex;
  readonly name: string;
  /** Number of the item that it names; 0 for none. */
  readonly item: number;
}

function entriesOf(side: Side): Entry[] {
  const symbols = side.elf.symbols;
  const list: Entry[] = [];
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
    if (symbols.type(i) === STT_SECTION) continue;
    // What lies in .modinfo is told by key; `.L` names are an assembler's own.
    if (side.kinds[symbols.sectionOf(i)] === 'modinfo') continue;
    const name = symbols.name(i);
    if (name !== '' && !name.startsWith('.L'))
      list.push({ index: i, name, item: side.itemsBySymbol.get(i)?.number ?? 0 });
  }
  return list;
}

/** Where a symbol is defined, in words. */
function whereOf(side: Side, i: SymbolIndex): string {
  const symbols = side.elf.symbols!;
  const section = symbols.sectionOf(i);
  if (section !== 0) return `in ${side.elf.sections[section]!.name}`;
  const raw = symbols.rawSection(i);
  if (raw === SHN_ABS) return 'absolute';
  if (raw === SHN_COMMON) return 'common';
  if (raw === SHN_LIVEPATCH) return 'livepatch';
  return raw === 0 ? 'undefined' : `special 0x${raw.toString(16)}`;
}

function kindOf(side: Side, i: SymbolIndex): string {
  const symbols = side.elf.symbols!;
  return `${bindingText(symbols.binding(i))} ${typeText(symbols.type(i))} ${whereOf(side, i)}`;
}

export class SymbolComparer {
  readonly #old: References;
  readonly #new: References;
  readonly #code: CodeComparer;
  /** Numbers of functions whose change is told already: their size goes with it. */
  readonly #changed: ReadonlySet<number>;
  /** With the number of the new symbol, by which they are told; removed ones come last. */
  readonly #found: { readonly order: number; readonly symbol: SymbolDiff }[] = [];
  #renumbered = 0;

  constructor(old: References, fresh: References, code: CodeComparer, changed: ReadonlySet<number>) {
    this.#old = old;
    this.#new = fresh;
    this.#code = code;
    this.#changed = changed;
  }

  compare(): SymbolComparison {
    let before = entriesOf(this.#old.side);
    let after = entriesOf(this.#new.side);
    const taken = new Set<Entry>();
    this.#pairInPlace(before, after, taken);
    before = before.filter(e => !taken.has(e));
    after = after.filter(e => !taken.has(e));
    const keys: ((e: Entry) => string)[] = [
      e => `${e.item} ${e.name}`,
      e => e.name,
      e => (e.item === 0 ? normalisedName(e.name) : `\0${e.item}`),
    ];
    keys.forEach((key, pass) => {
      const waiting = groupBy(before, key);
      for (const fresh of after) {
        const old = waiting.get(key(fresh))?.shift();
        if (old === undefined) continue;
        taken.add(old).add(fresh);
        this.#pair(old, fresh, pass === 2);
      }
      before = before.filter(e => !taken.has(e));
      after = after.filter(e => !taken.has(e));
    });
    for (const e of after)
      this.#tell(e.index, { name: e.name, status: 'added', kind: kindOf(this.#new.side, e.index) });
    for (const e of before)
      this.#tell(Number.POSITIVE_INFINITY, { name: e.name, status: 'removed', kind: kindOf(this.#old.side, e.index) });
    this.#found.sort((a, b) => (a.order < b.order ? -1 : Number(a.order > b.order)));
    return { symbols: this.#found.map(f => f.symbol), renumbered: this.#renumbered };
  }

  #tell(order: number, symbol: SymbolDiff): void {
    this.#found.push({ order, symbol });
  }

  /** What has kept its name, its item and its place in the row; a patched object has little else. */
  #pairInPlace(before: readonly Entry[], after: readonly Entry[], taken: Set<Entry>): void {
    const most = Math.min(before.length, after.length);
    for (let i = 0; i < most; i++) {
      const old = before[i]!;
      const fresh = after[i]!;
      if (old.item !== fresh.item || old.name !== fresh.name) continue;
      taken.add(old).add(fresh);
      this.#pair(old, fresh, false);
    }
  }

  #pair(old: Entry, fresh: Entry, renamed: boolean): void {
    const changes = this.#changes(old, fresh);
    if (changes.length === 0 && !renamed) return;
    const kind = kindOf(this.#new.side, fresh.index);
    const detail = changes.length === 0 ? {} : { changes };
    if (renamed) {
      const local = this.#new.side.elf.symbols!.binding(fresh.index) === STB_LOCAL;
      const numbered = local && normalisedName(old.name) === normalisedName(fresh.name);
      if (numbered && changes.length === 0) this.#renumbered++;
      else if (numbered)
        this.#tell(fresh.index, { name: fresh.name, status: 'changed', oldName: old.name, kind, ...detail });
      else this.#tell(fresh.index, { name: fresh.name, status: 'renamed', oldName: old.name, kind, ...detail });
    } else if (changes.length > 0) this.#tell(fresh.index, { name: fresh.name, status: 'changed', kind, ...detail });
  }

  #changes(old: Entry, fresh: Entry): FieldChange[] {
    const a = this.#old.side.elf.symbols!;
    const b = this.#new.side.elf.symbols!;
    const i = old.index;
    const j = fresh.index;
    const changes: FieldChange[] = [];
    const field = (name: string, x: string, y: string) => {
      if (x !== y) changes.push({ field: name, old: x, new: y });
    };
    const whereBefore = whereOf(this.#old.side, i);
    const where = whereOf(this.#new.side, j);
    field('defined', whereBefore, where);
    field('binding', bindingText(a.binding(i)), bindingText(b.binding(j)));
    field('type', typeText(a.type(i)), typeText(b.type(j)));
    field('visibility', visibilities[a.st_other(i) & 3]!, visibilities[b.st_other(j) & 3]!);
    field('other bits', `0x${(a.st_other(i) & 0x1c).toString(16)}`, `0x${(b.st_other(j) & 0x1c).toString(16)}`);
    if (old.item === 0 || old.item !== fresh.item || !this.#changed.has(old.item))
      field('size', `${a.size(i)}`, `${b.size(j)}`);
    if (whereBefore !== where) return changes;
    if (a.sectionOf(i) === 0) field('value', `0x${a.address(i).toString(16)}`, `0x${b.address(j).toString(16)}`);
    else if ((old.item !== fresh.item || old.item === 0) && this.#new.side.kinds[b.sectionOf(j)] !== 'table') {
      const x = this.#old.at(a.sectionOf(i), a.offsetInSection(i));
      const y = this.#new.at(b.sectionOf(j), b.offsetInSection(j));
      if (!this.#code.sameReference(x, y))
        field(
          'value',
          this.#old.textAt(a.sectionOf(i), a.offsetInSection(i)),
          this.#new.textAt(b.sectionOf(j), b.offsetInSection(j)),
        );
    }
    return changes;
  }
}
