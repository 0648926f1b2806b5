/**
 * What a place refers to, as a number that is equal in both objects when the meaning is.
 *
 * Two kinds: a text (an undefined symbol, a string, a constant), and a distance from an item, where the item's number is
 * shared by the two objects once they have been matched. A relocation's meaning is its type together with one of these.
 * Comparing two words then is comparing numbers, whatever symbol tables and offsets lie behind them.
 *
 * A large module asks half a million times; numbers below a few hundred thousand as keys keep that cheap.
 */

/** Distances beyond this are told apart as texts. Bytes. */
const FAR = 0x4000_0000;
/** Relocation types that the psABI can define (`r_info` has room for more), and one of our own behind them. */
const MOST_TYPES = 0x100;
/** Stands for "an entry of `.toc` that holds". */
const TOC_ENTRY = MOST_TYPES;

export class Vocabulary {
  readonly #texts = new Map<string, number>();
  /** By item: the meaning of its start, and those of other distances. */
  readonly #starts: (number | undefined)[] = [];
  readonly #places: (Map<number, number> | undefined)[] = [];
  /** By type: the meanings made of other meanings. */
  readonly #typed: number[][] = [];
  /** By meaning: the item (0 for texts), the distance from its start in bytes, the type and what it was made of. */
  readonly #item: number[] = [0];
  readonly #delta: number[] = [0];
  readonly #type: number[] = [-1];
  readonly #of: number[] = [0];
  readonly #loose: number[] = [0];

  #add(item: number, delta: number, type: number, of: number): number {
    this.#item.push(item);
    this.#delta.push(delta);
    this.#type.push(type);
    this.#of.push(of);
    this.#loose.push(-1);
    return this.#item.length - 1;
  }

  text(text: string): number {
    let id = this.#texts.get(text);
    if (id === undefined) {
      id = this.#add(0, 0, -1, 0);
      this.#texts.set(text, id);
    }
    return id;
  }

  /** `delta` bytes from the start of item number `item`. */
  place(item: number, delta: number): number {
    if (delta === 0) {
      const start = this.#starts[item];
      if (start !== undefined) return start;
      const id = this.#add(item, 0, -1, 0);
      while (this.#starts.length < item) this.#starts.push(undefined);
      this.#starts[item] = id;
      return id;
    }
    if (!(delta > -FAR && delta < FAR)) return this.text(`far ${item} ${delta}`);
    while (this.#places.length <= item) this.#places.push(undefined);
    let byDelta = this.#places[item];
    if (byDelta === undefined) {
      byDelta = new Map();
      this.#places[item] = byDelta;
    }
    let id = byDelta.get(delta);
    if (id === undefined) {
      id = this.#add(item, delta, -1, 0);
      byDelta.set(delta, id);
    }
    return id;
  }

  /** A relocation of `type` to the meaning `of`. */
  relocation(type: number, of: number): number {
    return type < MOST_TYPES ? this.#make(type, of) : this.text(`type ${type} ${of}`);
  }

  /** An entry of `.toc` filled by a relocation that means `of`. */
  tocEntry(of: number): number {
    return this.#make(TOC_ENTRY, of);
  }

  #make(type: number, of: number): number {
    while (this.#typed.length <= type) this.#typed.push([]);
    const byMeaning = this.#typed[type]!;
    while (byMeaning.length <= of) byMeaning.push(-1);
    let id = byMeaning[of]!;
    if (id < 0) {
      id = this.#add(this.#item[of]!, this.#delta[of]!, type, of);
      byMeaning[of] = id;
    }
    return id;
  }

  item(id: number): number {
    return this.#item[id]!;
  }

  delta(id: number): number {
    return this.#delta[id]!;
  }

  /** The same meaning with the distance from its item left out. */
  loose(id: number): number {
    let loose = this.#loose[id]!;
    if (loose < 0) {
      const item = this.#item[id]!;
      const type = this.#type[id]!;
      if (item === 0 || this.#delta[id] === 0) loose = id;
      else loose = type < 0 ? this.place(item, 0) : this.#make(type, this.loose(this.#of[id]!));
      this.#loose[id] = loose;
    }
    return loose;
  }
}
