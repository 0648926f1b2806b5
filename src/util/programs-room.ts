/**
 * One memory for WebAssembly programs that look at the same files one after the other. The programs' own constants stand in front of
 * all that (`scripts/webassembly.js` says where), and each gets its room told.
 */

const PAGE = 1 << 16;
/** Behind the constants of the last program. */
const FIRST = 0x4_0000;
/** Half of what WebAssembly can have. */
const MOST = 2 ** 31;

export interface Room {
  /** Address in the memory. A multiple of 64 KiB. */
  readonly at: number;
  /** Bytes. */
  readonly size: number;
}

export class ProgramsRoom {
  readonly memory: WebAssembly.Memory;
  readonly rooms: readonly Room[];

  private constructor(memory: WebAssembly.Memory, rooms: readonly Room[]) {
    this.memory = memory;
    this.rooms = rooms;
  }

  /** Rooms of at least `sizes` bytes, of zeros. `undefined` where there is no memory for them, or no WebAssembly. */
  static create(sizes: readonly number[]): ProgramsRoom | undefined {
    const rooms: Room[] = [];
    let at = FIRST;
    for (const wanted of sizes) {
      const size = Math.ceil(wanted / PAGE) * PAGE;
      rooms.push({ at, size });
      at += size;
    }
    if (at > MOST) return undefined;
    try {
      return new ProgramsRoom(new WebAssembly.Memory({ initial: at / PAGE }), rooms);
    } catch {
      return undefined;
    }
  }

  /** The bytes of room `n`, or so many of them. */
  bytes(n: number, size = this.rooms[n]!.size): Buffer<ArrayBuffer> {
    return Buffer.from(this.memory.buffer, this.rooms[n]!.at, size);
  }
}
