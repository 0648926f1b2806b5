/** Places in the free room of a linked kernel image for the sections of objects, and for tables that grow by their rows. */
import type { ElfFile } from '../elf/read.ts';
import { ImageRooms, roomBehindFile } from '../kernel/image-rooms.ts';
import { tracerTableKind } from '../kernel/tracer-tables.ts';
import type { GrownTable, ImagePart, ImagePiece, RoomKind } from '../plan/image.ts';
import { alignUp, hex } from '../util/bytes.ts';
import { unusedName } from '../util/unused-name.ts';
import { HOMES, type Home, homeOf, NAMES } from './image-homes.ts';
import {
  BUG_ROW,
  BUGS,
  EXCEPTION_ROW,
  EXCEPTIONS,
  endOfBugs,
  exceptionRows,
  exceptionTable,
  rowsIn,
} from './image-tables.ts';
import type { MergeObject } from './objects.ts';
import { mergeRefusal } from './refusals.ts';

/** Bytes from the start of the room of a kind. */
export interface Placed {
  readonly kind: Home;
  readonly offset: number;
}

export class ImageSpace {
  readonly #image: ElfFile;
  readonly #objects: readonly MergeObject[];
  readonly #rooms: ImageRooms;
  readonly #sizes: Record<Home, number> = { code: 0, constants: 0, data: 0, bugs: 0 };
  readonly #alignments: Record<Home, number> = { code: 16, constants: 16, data: 16, bugs: 4 };
  readonly #numbers = new Map<Home, number>();
  /** Of each object, by the index of the section. */
  readonly placed: readonly ReadonlyMap<number, Placed>[];
  readonly parts: ImagePart[] = [];
  readonly tables: GrownTable[] = [];
  readonly warnings: string[] = [];

  /** @throws RefusalError those of `homeOf` */
  constructor(image: ElfFile, objects: readonly MergeObject[]) {
    this.#image = image;
    this.#objects = objects;
    this.#rooms = new ImageRooms(image);
    this.placed = objects.map(object => this.#place(object));
  }

  /** Gives each section a place in the room of its kind. */
  #place({ name: object, elf }: MergeObject): ReadonlyMap<number, Placed> {
    const placed = new Map<number, Placed>();
    let untraced = 0;
    for (const section of elf.sections) {
      if (tracerTableKind(section) !== undefined) untraced += section.sh_size / 8;
      const kind = homeOf(section, elf, object);
      if (kind === undefined) continue;
      const offset = alignUp(this.#sizes[kind], Math.max(section.sh_addralign, 1));
      placed.set(section.index, { kind, offset });
      this.#sizes[kind] = offset + section.sh_size;
      this.#alignments[kind] = Math.max(this.#alignments[kind], section.sh_addralign);
    }
    if (untraced > 0)
      this.warnings.push(
        `the tracer does not get to know the ${untraced} functions of ${object}: its table has no room`,
      );
    return placed;
  }

  /** @throws RefusalError PAT123 without room, PAT190 */
  makeRoom(): void {
    for (const kind of HOMES) {
      if (this.#sizes[kind] === 0) continue;
      this.#numbers.set(kind, this.parts.length);
      if (kind === 'bugs') this.#growBugs();
      else this.#addPart(NAMES[kind], kind, alignUp(this.#sizes[kind], 8), this.#alignments[kind]);
    }
  }

  #addPart(name: string, kind: RoomKind, size: number, alignment: number): ImagePart {
    const room = this.#rooms.take(kind, size, alignment);
    if (room === undefined)
      throw mergeRefusal('PAT123', { size: hex(size), kind, largest: hex(this.#rooms.largest(kind)) });
    const part = { name: this.#unused(name), kind, alignment, ...room, bytes: new Uint8Array(size) };
    this.parts.push(part);
    return part;
  }

  /** The name, with a number where an earlier patch has taken it. */
  #unused(name: string): string {
    return unusedName(name, '.', n => this.#image.sectionNamed(n) !== undefined);
  }

  /** Rows behind the last one: nothing may lie there. */
  #growBugs(): void {
    const size = this.#sizes.bugs;
    const { start, stop } = endOfBugs(this.#image);
    if (size % BUG_ROW !== 0)
      throw mergeRefusal('PAT190', { section: BUGS, what: "an object's rows are of another size" });
    const inside = this.#rooms.takeAt('data', stop, size);
    const room = inside ?? roomBehindFile(this.#image, stop, size);
    if (room === undefined)
      throw mergeRefusal('PAT190', { section: BUGS, what: `there is no room for ${size} bytes behind it` });
    const part =
      this.parts.push({
        name: this.#unused(NAMES.bugs),
        kind: 'data',
        alignment: 4,
        ...room,
        bytes: new Uint8Array(size),
        ...(inside === undefined && { isInserted: true }),
      }) - 1;
    this.tables.push({ kind: 'bugs', part, rows: size / BUG_ROW, start, stop: stop + BigInt(size) });
  }

  /**
   * All rows, sorted, in a place of their own, once those of the objects are filled in.
   *
   * @throws RefusalError PAT123, PAT191
   */
  growExceptions(): void {
    const added = this.#objects.flatMap(({ elf }, n) =>
      [...this.placed[n]!].flatMap(([index, place]) => {
        const section = elf.sections[index]!;
        if (section.name !== EXCEPTIONS) return [];
        const { buffer, byteOffset } = this.bytesAt(place);
        return rowsIn(new DataView(buffer, byteOffset, section.sh_size), this.addressOf(place));
      }),
    );
    if (added.length === 0) return;
    const rows = [...exceptionRows(this.#image), ...added];
    const part = this.parts.length;
    const { address, bytes } = this.#addPart(
      `${EXCEPTIONS}.tocsin`,
      'constants',
      rows.length * EXCEPTION_ROW,
      EXCEPTION_ROW,
    );
    bytes.set(exceptionTable(rows, address));
    this.tables.push({
      kind: 'exceptions',
      part,
      rows: added.length,
      start: address,
      stop: address + BigInt(bytes.length),
    });
  }

  partOf({ kind }: Placed): number {
    return this.#numbers.get(kind)!;
  }

  addressOf(place: Placed): bigint {
    return this.parts[this.partOf(place)]!.address + BigInt(place.offset);
  }

  bytesAt(place: Placed): Uint8Array {
    return this.parts[this.partOf(place)]!.bytes.subarray(place.offset);
  }

  pieces(): ImagePiece[] {
    return this.placed.flatMap((placed, object) =>
      [...placed].map(([index, place]) => {
        const section = this.#objects[object]!.elf.sections[index]!;
        return {
          object,
          section: index,
          name: section.name,
          part: this.partOf(place),
          offset: place.offset,
          size: section.sh_size,
        };
      }),
    );
  }
}
