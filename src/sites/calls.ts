/**
 * The call edges of an object: who leaves which function for where, and how.
 *
 *     local      bl to a function of the same object
 *     external   bl to an undefined symbol
 *     sibling    b to another function, here or elsewhere: nobody comes back to restore anything
 *     indirect   bctrl, blrl, bctarl; bctr through r12 where it is no jump table
 *
 * Profiling calls are call sites, not calls.
 */
import type { Section } from '../elf/section.ts';
import { functionAt, functionsBySection, type KernelFunction } from '../kernel/functions.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import type { CodeMap } from './code-map.ts';
import { codeStart, type Prepared } from './prepare.ts';
import { type CallEdge, walkCode } from './walk.ts';

export interface Call {
  readonly from: KernelFunction | undefined;
  readonly section: Section;
  /** The branch instruction: bytes from the section's start. */
  readonly offset: SectionOffset;
  readonly edge: CallEdge;
  /** The callee's name, `section+0xoffset` where the target has none; absent for an indirect call. */
  readonly to: string | undefined;
  /** The callee, where it is a function of this object. */
  readonly target: KernelFunction | undefined;
}

/** All calls, by section, then offset. Names of linker stubs are replaced by what they lead to. */
export function callsOf(prepared: Prepared, functions: readonly KernelFunction[]): Call[] {
  const { map } = prepared;
  const naming = new Naming(prepared, functions);
  const calls: Call[] = [];
  const add = (section: Section, word: number, edge: CallEdge, target: number, symbol: SymbolIndex) => {
    const offset = (word - map.base[section.index]!) * 4;
    const callee = target < 0 ? undefined : naming.at(target);
    const to = edge === 'indirect' ? undefined : naming.name(callee, target, symbol);
    calls.push({ from: naming.around(section, offset), section, offset, edge, to, target: callee });
  };
  walkCode(map, prepared.profiler, {
    site: () => {},
    local: (section, word, target, symbol) => add(section, word, 'local', target, symbol),
    external: (section, word, symbol) => add(section, word, 'external', -1, symbol),
    sibling: (section, word, target, symbol) => add(section, word, 'sibling', target, symbol),
    indirect: (section, word) => add(section, word, 'indirect', -1, 0),
  });
  return calls.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
}

/** From word numbers to functions and names. */
class Naming {
  readonly #map: CodeMap;
  readonly #bySection: ReadonlyMap<SectionIndex, KernelFunction[]>;
  readonly #thunks = new Map<number, number>();

  constructor(prepared: Prepared, functions: readonly KernelFunction[]) {
    this.#map = prepared.map;
    this.#bySection = functionsBySection(functions);
    const start = codeStart(prepared.map);
    for (const { address, target } of prepared.thunks)
      if (target !== undefined) this.#thunks.set(Number(address - start) / 4, Number(target - start) / 4);
  }

  around(section: Section, offset: SectionOffset): KernelFunction | undefined {
    return functionAt(this.#bySection.get(section.index) ?? [], offset);
  }

  at(word: number): KernelFunction | undefined {
    const place = this.#map.placeOf(this.#thunks.get(word) ?? word);
    return place === undefined ? undefined : this.around(place.section, place.offset);
  }

  name(callee: KernelFunction | undefined, word: number, symbol: SymbolIndex): string {
    const place = word < 0 ? undefined : this.#map.placeOf(this.#thunks.get(word) ?? word);
    if (callee === undefined || place === undefined) {
      const name = symbol > 0 ? this.#map.symbols!.name(symbol) : '';
      if (name !== '' && (place === undefined || name !== place.section.name)) return name;
      return place === undefined ? name : `${place.section.name}+0x${place.offset.toString(16)}`;
    }
    const inside = place.offset - callee.global;
    return place.offset === callee.global || place.offset === callee.local
      ? callee.name
      : `${callee.name}+0x${inside.toString(16)}`;
  }
}
