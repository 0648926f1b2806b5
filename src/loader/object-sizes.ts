/** Sizes of the module's data objects by where they begin, from its symbol table. Modules that were stripped have none. */
import { SYMBOL_SIZE } from './arch.ts';
import type { ModuleMemory, Spot } from './memory.ts';
import type { LoadState } from './state.ts';

const STT_OBJECT = 1;

export class ObjectSizes {
  readonly #sizes = new Map<number, Map<number, number>>();

  constructor(state: LoadState, memory: ModuleMemory) {
    const { symtab } = state.index;
    const view = memory.view(symtab);
    for (let at = SYMBOL_SIZE; at + SYMBOL_SIZE <= view.byteLength; at += SYMBOL_SIZE) {
      if ((view.getUint8(at + 4) & 0xf) !== STT_OBJECT) continue;
      const section = view.getUint16(at + 6, true);
      if (state.places[section] === undefined) continue;
      const offset = Number(view.getBigUint64(at + 8, true) - memory.addressOf(section));
      const sizes = this.#sizes.get(section) ?? new Map<number, number>();
      this.#sizes.set(section, sizes);
      sizes.set(offset, Number(view.getBigUint64(at + 16, true)));
    }
  }

  /** Bytes of the object that begins there. */
  of(spot: Spot): number | undefined {
    return this.#sizes.get(spot.section)?.get(spot.offset);
  }

  /** Whether the place lies in the middle of an object. */
  isInside({ section, offset }: Spot): boolean {
    for (const [start, size] of this.#sizes.get(section) ?? [])
      if (offset > start && offset < start + size) return true;
    return false;
  }
}
