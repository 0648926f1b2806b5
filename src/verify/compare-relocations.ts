/**
 * Relocations, entry by entry: those of the input in their order, with symbol numbers and moved places as the plan has
 * it; between or behind them the plan's new ones, and nothing else.
 */
import { RELA_SIZE, SHT_RELA } from '../elf/constants.ts';
import { RELA_WORDS, type Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { NewRelocation, RemovedRecord } from '../plan/plan.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SymbolMap } from './compare-symbols.ts';
import { type Pairing, tableFor } from './pairing.ts';
import { type Planned, planFor } from './planned.ts';
import { count, type Report } from './verification.ts';

export function compareRelocations(report: Report, pair: Pairing, planned: Planned, symbols: SymbolMap): string {
  let tables = 0;
  let entries = 0;
  for (const [section, is] of pair.both()) {
    if (section.sh_type !== SHT_RELA || is.sh_type !== SHT_RELA) continue;
    const walk = new TableWalk(report, pair, planned, symbols, section);
    walk.run();
    tables++;
    entries += walk.after.count;
  }
  for (const [target, table] of pair.tables) {
    const k = pair.code.indexOf(target);
    const wanted = k >= 0 ? planned.plan.newCode[k]!.relocations : planFor(planned, pair.from(target)).added;
    const open = new OpenRelocations(report, pair.output.relocations(pair.output.sections[table]!), wanted, symbols);
    open.rest(0);
    tables++;
    entries += open.after.count;
  }
  return `${count(entries, 'relocation')} in ${count(tables, 'table')}`;
}

/** New relocations of a table that have not been seen yet. */
class OpenRelocations {
  readonly after: Relocations;
  readonly #report: Report;
  readonly #open: NewRelocation[];
  readonly #symbols: SymbolMap;

  constructor(report: Report, after: Relocations, wanted: readonly NewRelocation[], symbols: SymbolMap) {
    this.#report = report;
    this.after = after;
    this.#open = [...wanted];
    this.#symbols = symbols;
  }

  /** Whether entry `j` of the output is one of the plan's that has not been seen; it counts as seen from now on. */
  take(j: number): boolean {
    const { after } = this;
    const k = this.#open.findIndex(({ offset, type, symbol, addend }) => {
      const number = 'added' in symbol ? this.#symbols.added[symbol.added] : this.#symbols.kept[symbol.existing];
      return (
        after.offset(j) === offset && after.type(j) === type && after.symbol(j) === number && after.addend(j) === addend
      );
    });
    if (k < 0) return false;
    this.#open.splice(k, 1);
    this.#report.counts.addedByPlan += RELA_SIZE;
    return true;
  }

  /** Everything from entry `j` on has to be the plan's, and nothing of the plan may be left over. */
  rest(j: number): void {
    for (let i = j; i < this.after.count; i++) if (!this.take(i)) this.stranger(i);
    for (const { offset, type } of this.#open)
      this.#report.error(
        'VER038',
        `the new ${relocationName(type)} at 0x${offset.toString(16)} is missing`,
        this.after.section,
      );
  }

  stranger(j: number): void {
    this.#report.counts.addedByPlan += RELA_SIZE;
    this.#report.error(
      'VER037',
      `relocation ${j} is not in the plan: ${text(this.after, j)}`,
      this.after.section,
      j * RELA_SIZE,
    );
  }
}

/** One table of the input beside its counterpart. */
class TableWalk {
  readonly before: Relocations;
  readonly after: Relocations;
  readonly #report: Report;
  readonly #symbols: SymbolMap;
  readonly #gone: readonly number[];
  readonly #records: readonly RemovedRecord[];
  /** Bytes of the first so many records. */
  readonly #shift: readonly number[];
  readonly #open: OpenRelocations;

  constructor(report: Report, pair: Pairing, planned: Planned, symbols: SymbolMap, section: Section) {
    this.before = pair.input.relocations(section);
    this.after = pair.output.relocations(pair.output.sections[pair.to(section.index)]!);
    this.#report = report;
    this.#symbols = symbols;
    this.#gone = planFor(planned, section.index).entries;
    this.#records = planFor(planned, section.sh_info).records;
    let passed = 0;
    this.#shift = [0, ...this.#records.map(record => (passed += record.size))];
    const belongs = tableFor(pair.input, section.sh_info) === section.index;
    this.#open = new OpenRelocations(
      report,
      this.after,
      belongs ? planFor(planned, section.sh_info).added : [],
      symbols,
    );
  }

  run(): void {
    const { before } = this;
    const gone = this.#gone;
    const { kept } = this.#symbols;
    let identical = 0;
    let next = 0;
    let j = 0;
    for (let i = 0; i < before.count; i++) {
      if (gone[next] === i) {
        next++;
        continue;
      }
      if (this.#records.length === 0) {
        const stop = next < gone.length ? Math.min(gone[next]!, before.count) : before.count;
        const same = sameEntries(before.words, i, stop, this.after.words, j, kept);
        identical += same * RELA_WORDS;
        i += same;
        j += same;
        if (i === stop) {
          i--;
          continue;
        }
      }
      const words = this.#sameMoved(i, j);
      identical += words;
      j = words > 0 ? j + 1 : this.#differs(i, j);
    }
    const { counts } = this.#report;
    const stay = before.count - gone.length;
    counts.identical += identical * 4;
    counts.changedByPlan += stay * RELA_SIZE - identical * 4;
    counts.removedByPlan += gone.length * RELA_SIZE;
    this.#open.rest(j);
  }

  /** How many words of entry `i` stand at `j` as they were, if the others are as the plan has them; else 0. */
  #sameMoved(i: number, j: number): number {
    const { before, after } = this;
    const a = before.words;
    const b = after.words;
    const w = i * RELA_WORDS;
    const v = j * RELA_WORDS;
    const place = this.#records.length > 0 ? this.#place(i) : a[w]!;
    const symbol = this.#symbols.kept[a[w + 3]!]!;
    const same =
      j < after.count &&
      b[v] === place &&
      b[v + 3] === symbol &&
      a[w + 1] === b[v + 1] &&
      a[w + 2] === b[v + 2] &&
      a[w + 4] === b[v + 4] &&
      a[w + 5] === b[v + 5];
    return same ? (a[w] === place ? 5 : 4) + (a[w + 3] === symbol ? 1 : 0) : 0;
  }

  /** Where entry `i` has to point when the records in front of it have gone. */
  #place(i: number): number {
    const offset = this.before.offset(i);
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return offset - this.#shift[low]!;
  }

  #matches(i: number, j: number): boolean {
    const { before, after } = this;
    return (
      i < before.count &&
      j < after.count &&
      after.offset(j) === this.#place(i) &&
      after.type(j) === before.type(i) &&
      after.symbol(j) === this.#symbols.kept[before.symbol(i)] &&
      after.addend(j) === before.addend(i)
    );
  }

  /** Entry `i` is not at `j`: finds out what is there instead, tells, and says where to go on. */
  #differs(i: number, j: number): number {
    const { before, after } = this;
    let at = j;
    while (at < after.count && this.#open.take(at)) at++;
    if (this.#matches(i, at)) return at + 1;
    if (this.#matches(i, at + 1)) {
      const removed = this.#gone.find(entry => this.#matches(entry, at));
      if (removed === undefined) this.#open.stranger(at);
      else
        this.#report.error(
          'VER038',
          `relocation ${removed} was to go and is there: ${text(after, at)}`,
          after.section,
          at * RELA_SIZE,
        );
      return at + 2;
    }
    if (at >= after.count || this.#matches(i + 1, at)) {
      this.#report.error('VER037', `relocation ${i} is missing: ${text(before, i)}`, after.section, i * RELA_SIZE);
      return at;
    }
    this.#report.error(
      'VER037',
      `relocation ${i} was ${text(before, i)} and is ${text(after, at)}, which is not as the plan has it`,
      after.section,
      at * RELA_SIZE,
    );
    return at + 1;
  }
}

/** How many entries from `i` up to `stop` stand at `j` and behind it in every word, their symbols with the same numbers. */
function sameEntries(a: Uint32Array, i: number, stop: number, b: Uint32Array, j: number, kept: Int32Array): number {
  const end = Math.min(stop * RELA_WORDS, a.length, b.length - (j - i) * RELA_WORDS);
  const shift = (j - i) * RELA_WORDS;
  let w = i * RELA_WORDS;
  for (; w + RELA_WORDS <= end; w += RELA_WORDS) {
    const v = w + shift;
    const symbol = a[w + 3]!;
    if (kept[symbol] !== symbol) break;
    if (((a[w]! ^ b[v]!) | (a[w + 1]! ^ b[v + 1]!) | (a[w + 2]! ^ b[v + 2]!) | (symbol ^ b[v + 3]!)) !== 0) break;
    if (((a[w + 4]! ^ b[v + 4]!) | (a[w + 5]! ^ b[v + 5]!)) !== 0) break;
  }
  return w / RELA_WORDS - i;
}

function text(table: Relocations, i: number): string {
  return `${relocationName(table.type(i))} at 0x${table.offset(i).toString(16)}, symbol ${table.symbol(i)} + ${table.addend(i)}`;
}
