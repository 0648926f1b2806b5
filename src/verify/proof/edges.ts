/**
 * Ways on that no instruction shows, read from the tables of an object in memory, where every field has its final value:
 * exceptions, traps, jump labels, and the alternatives of feature sections (asm/extable.h, asm-generic/bug.h,
 * asm/jump_label.h, asm/feature-fixups.h).
 */
import type { ExtraEdge } from '../../prove/subject.ts';
import type { Memory } from './memory.ts';

/** Where the tables lie: bytes from the origin. */
export interface TableRange {
  readonly kind: 'exception' | 'bug' | 'jump label' | 'feature';
  readonly offset: number;
  readonly size: number;
  readonly entrySize: number;
}

const NOP = 0x60000000;
/** BUGFLAG_WARNING: the trap returns. */
const WARNING = 1;

export function extraEdges(memory: Memory, tables: readonly TableRange[]): Map<number, ExtraEdge[]> {
  const edges = new Map<number, ExtraEdge[]>();
  const add = (at: number, edge: ExtraEdge) => {
    const list = edges.get(at);
    if (list === undefined) edges.set(at, [edge]);
    else list.push(edge);
  };
  const fixups = new Set<number>();
  const each = (kind: TableRange['kind'], visit: (entry: number) => void) => {
    for (const table of tables)
      if (table.kind === kind)
        for (let at = 0; at + table.entrySize <= table.size; at += table.entrySize) visit(table.offset + at);
  };
  const pointer = (at: number) => {
    const distance = memory.word(at);
    return distance === undefined ? Number.NaN : at + distance;
  };
  each('exception', entry => {
    const from = pointer(entry);
    const target = pointer(entry + 4);
    if (isTrap(memory, from)) {
      fixups.add(from);
      add(from, { kind: 'fixup', target });
    } else if (!Number.isNaN(from) && !Number.isNaN(target)) add(from, { kind: 'also', target });
  });
  each('bug', entry => {
    const from = pointer(entry);
    // The last two bytes of an entry are its flags.
    const flags = memory.word(entry + 8);
    if (Number.isNaN(from) || flags === undefined || fixups.has(from)) return;
    const returns = ((flags >>> 16) & WARNING) !== 0 || !isUnconditional(memory, from);
    add(from, { kind: returns ? 'pass' : 'stop', target: from });
  });
  // A trap with a fixup that the bug table calls fatal never gets to the fixup; a conditional one also goes on.
  for (const at of fixups) if (!isUnconditional(memory, at)) add(at, { kind: 'next', target: at + 4 });
  each('jump label', entry => {
    const from = pointer(entry);
    const target = pointer(entry + 4);
    if (Number.isNaN(from) || Number.isNaN(target)) return;
    const word = memory.word(from);
    if (word !== undefined && branchTarget(word, from) !== target) add(from, { kind: 'also', target });
    if (word !== (NOP | 0)) add(from, { kind: 'next', target: from + 4 });
  });
  each('feature', entry => {
    const field = (at: number) => {
      const low = memory.word(entry + at);
      const high = memory.word(entry + at + 4);
      return low === undefined || high === undefined ? Number.NaN : entry + high * 0x1_0000_0000 + (low >>> 0);
    };
    const [start, end, alternative, alternativeEnd] = [field(16), field(24), field(32), field(40)] as const;
    if (Number.isNaN(start) || !(end > start)) return;
    // The rest of the section is filled with nops, so an alternative always goes on behind it.
    if (alternativeEnd > alternative) {
      add(start, { kind: 'also', target: alternative });
      add(alternativeEnd, { kind: 'instead', target: end });
    } else add(start, { kind: 'also', target: end });
  });
  return edges;
}

/** Where a plain `b` at `at` leads; NaN for anything else. */
function branchTarget(word: number, at: number): number {
  return (word & 0xfc000003) >>> 0 === 0x48000000 ? at + ((word << 6) >> 8) * 4 : Number.NaN;
}

/** tw, td, twi, tdi */
function isTrap(memory: Memory, at: number): boolean {
  if (Number.isNaN(at)) return false;
  const word = memory.word(at);
  if (word === undefined) return false;
  const opcode = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  return opcode === 2 || opcode === 3 || (opcode === 31 && (extended === 4 || extended === 68));
}

function isUnconditional(memory: Memory, at: number): boolean {
  const word = memory.word(at);
  return word !== undefined && ((word >>> 21) & 31) === 31;
}
