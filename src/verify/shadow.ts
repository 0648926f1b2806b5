/**
 * A redirect through a slot of the shadow table, or an entry on the task's second stack. Its code is known word by word (proof/shadow-code.ts); here it is held against
 * the plan by its relocations, which the loaded image no longer has: G is called, F goes on where no slot is free, and nobody
 * else in the module knows the table.
 */
import { SHT_NOBITS, SHT_RELA, STT_SECTION } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { ShadowStack } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import { type BranchTarget, type Relocation, symbolTarget } from './places.ts';
import {
  type ShadowAddress,
  type ShadowInstance,
  STATE_SIZE,
  shadowAt,
  shadowInstances,
  TABLE_SIZE,
} from './proof/shadow-code.ts';
import { R_PPC64_ADDR64, R_PPC64_REL16_HA, R_PPC64_REL16_LO } from './relocation-places.ts';
import { type BranchedFunction, checkEntry, checkRest, type ReachedCode } from './rest.ts';
import { counterFaults } from './shadow-counters.ts';
import type { Report } from './verification.ts';

const NOP = 0x60000000;

/** What a shadow redirect is judged with. */
interface ShadowCase extends BranchedFunction {
  readonly trampoline: ReachedCode;
  isNamed(name: string, target: BranchTarget): boolean;
}

interface Place {
  readonly section: SectionIndex;
  readonly offset: SectionOffset;
}

/** `counters`: of code that uses the second stack of its task. */
type Data = 'state' | 'table' | 'counters';

export class ShadowJudge {
  readonly #report: Report;
  readonly #output: ElfFile;
  /** What the code of all redirects takes for the counters and the table. */
  readonly #data = new Map<Data, Place>();

  constructor(report: Report, output: ElfFile) {
    this.#report = report;
    this.#output = output;
  }

  judge(given: ShadowCase, start: SectionOffset): void {
    const { action, trampoline } = given;
    const { code, reached } = trampoline;
    const error = (name: string, message: string, at: number) =>
      this.#report.error(name, message, code.section, at, action.function);
    const words = code.elf.sectionWords(code.section);
    const instance = shadowAt(words, start >>> 2);
    if (instance === undefined || start % 4 !== 0) {
      error('VER103', 'what the branch leads to is not the code of a shadow redirect', start);
      return;
    }
    if (action.toc !== (instance.saved ? 'saved' : 'recomputed'))
      error('VER103', `the plan has r2 ${action.toc}, and the code does it the other way`, start);
    const { stack } = action;
    if (instance.stack?.threadInfo !== stack?.threadInfo || instance.stack?.sp !== stack?.sp)
      error('VER156', `${whereOf(instance.stack)}; the plan has ${whereOf(stack)}`, start);
    instance.rows.forEach((row, i) => {
      const at = start + i * 4;
      reached.add(at);
      const list = code.relocations.get(at) ?? [];
      if (row.isTarget) this.#target(given, instance, i, words[at >>> 2]! & 0xffff);
      if (row.address === undefined && list.length > 0)
        error('VER103', 'a relocation changes an instruction that has none', at);
      if (row.address !== undefined) {
        const what = this.#address(instance, row.address, list, at - instance.bases[i]! * 4);
        if (what !== undefined) error('VER104', what, at);
      }
    });
    const rest = instance.end * 4;
    const end =
      action.at === 'after-site' || action.at === 'site'
        ? checkRest(this.#report, given, trampoline, rest, 'continue', 0)
        : checkEntry(this.#report, given, trampoline, rest, action.at === 'global-entry');
    if (words[end >>> 2] === NOP) reached.add(end);
  }

  /** Behind the code lies the address of G, which the loader writes there. */
  #target(
    { action, trampoline, isNamed }: ShadowCase,
    instance: ShadowInstance,
    row: number,
    displacement: number,
  ): void {
    const { code, reached } = trampoline;
    const at = instance.bases[row]! * 4 + displacement;
    const [relocation, second] = code.relocations.get(at) ?? [];
    const tell = (message: string) => this.#report.error('VER105', message, code.section, at, action.function);
    reached.add(at);
    reached.add(at + 4);
    if (
      relocation === undefined ||
      second !== undefined ||
      relocation.type !== R_PPC64_ADDR64 ||
      relocation.addend !== 0
    )
      tell('there is no address of the replacement');
    else this.#callee(action.to, symbolTarget(code.elf, relocation.symbol), isNamed, tell);
  }

  #callee(name: string, target: BranchTarget, isNamed: ShadowCase['isNamed'], tell: (message: string) => void): void {
    if (!isNamed(name, target)) tell(`${target.name} is called; the plan has ${name}`);
    if (target.k === 1) tell(`${target.name} is no function of a home with a TOC`);
  }

  /** @returns what is wrong with the relocation of an instruction that makes an address */
  #address(
    { kind }: ShadowInstance,
    { of, half }: { readonly of: ShadowAddress; readonly half: 'ha' | 'lo' },
    list: readonly Relocation[],
    fromBase: number,
  ): string | undefined {
    const [relocation, second] = list;
    const type = half === 'ha' ? R_PPC64_REL16_HA : R_PPC64_REL16_LO;
    if (relocation === undefined || second !== undefined || relocation.type !== type)
      return `the address of the ${of} has no relocation of its own`;
    const more = of === 'state+8' ? 8 : 0;
    if (relocation.addend !== fromBase + more) return `the address of the ${of} is wrong`;
    if (of === 'toc')
      return this.#name(relocation.symbol) === '.TOC.' ? undefined : 'r2 becomes something else than the TOC';
    const data = of === 'table' ? 'table' : kind === 'table' ? 'state' : 'counters';
    return this.#known(data, relocation.symbol);
  }

  #name(symbol: SymbolIndex): string {
    return this.#output.symbols!.name(symbol);
  }

  #known(of: Data, symbol: SymbolIndex): string | undefined {
    const symbols = this.#output.symbols!;
    const place = { section: symbols.sectionOf(symbol), offset: symbols.value(symbol) };
    const known = this.#data.get(of);
    if (known === undefined) {
      this.#data.set(of, place);
      return undefined;
    }
    const isSame = known.section === place.section && known.offset === place.offset;
    return isSame ? undefined : `the ${of} is not the same everywhere`;
  }

  /** Room for the data, and that nobody else knows it. */
  finish(): void {
    const counters = this.#data.get('counters');
    if (counters !== undefined) {
      this.#room('counters', counters, STATE_SIZE);
      this.#begin('stack', counters);
    }
    const state = this.#data.get('state');
    const table = this.#data.get('table');
    if (state === undefined || table === undefined) return;
    const inTable = this.#room('table', table, TABLE_SIZE);
    const inState = this.#room('state', state, STATE_SIZE);
    this.#begin('table', state);
    const section = this.#output.sections[table.section];
    if (section?.sh_type !== SHT_NOBITS)
      this.#report.error('VER106', 'the table does not begin as zeros', section, table.offset);
    const symbols = this.#output.symbols!;
    for (const list of this.#output.sections) {
      if (list.sh_type !== SHT_RELA) continue;
      const target = this.#output.sections[list.sh_info];
      if (target === undefined || !target.isAllocated) continue;
      const relocations = this.#output.relocations(list);
      // An earlier patch may have made some of it.
      const known = target.isCode ? shadowInstances(this.#output.sectionWords(target)) : [];
      for (let i = 0; i < relocations.count; i++) {
        const symbol = relocations.symbol(i);
        const home = symbols.sectionOf(symbol);
        if (home !== table.section && home !== state.section) continue;
        const offset = relocations.offset(i);
        if (known.some(r => offset >= r.start * 4 && offset < r.end * 4)) continue;
        const value = symbols.value(symbol);
        // Of a distance the addend counts from the instruction, so only the symbol tells what is meant.
        const type = relocations.type(i);
        const isDistance = type === R_PPC64_REL16_HA || type === R_PPC64_REL16_LO;
        if (isDistance && symbols.type(symbol) === STT_SECTION) continue;
        const at = { section: home, offset: isDistance ? value : value + relocations.addend(i) };
        const isParameter = target.name === '__param' && inState(at);
        if ((inTable(at) || inState(at)) && !isParameter)
          this.#report.error('VER107', `${this.#name(symbol)} is known to somebody else`, target, offset);
      }
    }
  }

  /** The counters begin as they have to, and the module's parameters show them. */
  #begin(kind: 'table' | 'stack', place: Place): void {
    if (place.offset + STATE_SIZE > (this.#output.sections[place.section]?.sh_size ?? 0)) return;
    for (const { message, section, offset } of counterFaults(this.#output, kind, place))
      this.#report.error('VER287', message, section, offset);
  }

  #room(what: string, { section, offset }: Place, size: number): (at: Place) => boolean {
    const home = this.#output.sections[section];
    const isRoom = home?.isAllocated === true && !home.isCode && offset + size <= home.sh_size;
    if (!isRoom) this.#report.error('VER106', `there is no room for the ${what}`, home, offset);
    return at => at.section === section && at.offset >= offset && at.offset < offset + size;
  }
}

function whereOf(stack: ShadowStack | undefined): string {
  return stack === undefined ? 'a table' : `the stack at ${stack.threadInfo}(r13), ${stack.sp}`;
}
