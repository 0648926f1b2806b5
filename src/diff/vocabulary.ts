/**
 * What a place refers to, as a number that is equal in both objects when the meaning is.
 *
 * Two kinds: a text (an undefined symbol, a string, a constant), and a distance from an item, where the item's number is
 * shared by the two objects once they have been matched. A relocation's meaning is its type together with one of these.
 * Comparing two words then is comparing numbers, whatever symbol tables and offsets lie behind them.
 */

/** Distances beyond this are no use in a number key (2^31 bytes). */
const FAR = 0x8000_0000;

export class Vocabulary {
  readonly #texts = new Map<string, number>();
  readonly #places = new Map<number, number>();
  readonly #typed = new Map<number, number>();
  /** By meaning: the item (0 for texts), the distance from its start in bytes, the relocation type (-1 for none). */
  readonly #item: number[] = [0];
  readonly #delta: number[] = [0];
  readonly #type: number[] = [-1];
  readonly #loose: number[] = [0];

  #add(item: number, delta: number, type: number): number {
    this.#item.push(item);
    this.#delta.push(delta);
    this.#type.push(type);
    this.#loose.push(-1);
    return this.#item.length - 1;
  }

  text(text: string): number {
    let id = this.#texts.get(text);
    if (id === undefined) {
      id = this.#add(0, 0, -1);
      this.#texts.set(text, id);
    }
    return id;
  }

  /** `delta` bytes from the start of item number `item`. */
  place(item: number, delta: number): number {
    if (!(delta > -FAR && delta < FAR)) return this.text(`far ${item} ${delta}`);
    const key = item * (4 * FAR) + delta + FAR;
    let id = this.#places.get(key);
    if (id === undefined) {
      id = this.#add(item, delta, -1);
      this.#places.set(key, id);
    }
    return id;
  }

  /** A relocation of `type` to the meaning `of`. */
  relocation(type: number, of: number): number {
    if (type > 0xffff) return this.text(`type ${type} ${of}`);
    const key = type * FAR + of;
    let id = this.#typed.get(key);
    if (id === undefined) {
      id = this.#add(this.#item[of]!, this.#delta[of]!, type);
      this.#typed.set(key, id);
    }
    return id;
  }

  item(id: number): number {
    return this.#item[id]!;
  }

  delta(id: number): number {
    return this.#delta[id]!;
  }

  type(id: number): number {
    return this.#type[id]!;
  }

  /** The same meaning with the distance from its item left out. */
  loose(id: number): number {
    let loose = this.#loose[id]!;
    if (loose < 0) {
      const item = this.#item[id]!;
      const type = this.#type[id]!;
      if (item === 0 || this.#delta[id] === 0) loose = id;
      else loose = type < 0 ? this.place(item, 0) : this.relocation(type, this.place(item, 0));
      this.#loose[id] = loose;
    }
    return loose;
  }
}
