/** Which bad branches of an output are the input's own: the same word, the same relocation, and nothing of the plan's. */
import type { SectionIndex } from '../util/indexes.ts';
import type { SymbolMap } from './compare-symbols.ts';
import type { Pairing } from './pairing.ts';
import { type Relocation, relocationsOn } from './places.ts';
import { type Planned, planFor } from './planned.ts';
import type { BadExternal } from './relocation-findings.ts';
import type { WasThere } from './relocations.ts';

export function wasThere(pair: Pairing, planned: Planned, symbols: SymbolMap, all: readonly BadExternal[]): WasThere {
  const { input, output } = pair;
  const found = new Map<SectionIndex, ReadonlyMap<number, readonly Relocation[]>>();
  const inInput = (section: SectionIndex, offset: number): readonly Relocation[] => {
    let places = found.get(section);
    if (places === undefined) {
      const wanted = new Set(all.filter(bad => pair.from(bad.section.index) === section).map(bad => bad.offset));
      places = relocationsOn(input, section, wanted);
      found.set(section, places);
    }
    return places.get(offset) ?? [];
  };
  return ({ section, offset, type, symbol, addend }) => {
    const old = pair.from(section.index);
    const before = input.sections[old];
    if (before === undefined || before.sh_size !== section.sh_size) return false;
    const i = offset >>> 2;
    if (input.sectionWords(before)[i] !== output.sectionWords(section)[i]) return false;
    const { words, added } = planFor(planned, old);
    if (words.some(w => w.offset === offset) || added.some(r => r.offset - (r.offset % 4) === offset)) return false;
    const [only, ...more] = inInput(old, offset);
    if (only === undefined || more.length > 0) return false;
    return only.type === type && symbols.kept[only.symbol] === symbol && only.addend === addend;
  };
}
