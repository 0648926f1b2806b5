/**
 * Shadow code in a loaded module, for the prover: where a return address is put away, and where it comes back. That it does is told
 * only where all that follows from the words holds: one table for all such code of the module, in memory that may be written, and
 * nobody who goes into the middle of the code.
 */
import type { ExtraEdge } from '../../prove/subject.ts';
import type { Memory } from './memory.ts';
import { type ShadowInstance, STATE_SIZE, shadowAddresses, shadowInstances, TABLE_SIZE } from './shadow-code.ts';

/** What `ExtraEdge.target` says of such an edge. */
const LINK = 0;
const LINK_AND_TOC = 2;

/**
 * @param entries where functions may be entered
 * @param edges the object's tables
 * @returns edges `keeps` and `gives` by place
 */
export function shadowEdges(
  memory: Memory,
  entries: Iterable<number>,
  edges: ReadonlyMap<number, readonly ExtraEdge[]>,
): ReadonlyMap<number, ExtraEdge> {
  const found = new Map<number, ExtraEdge>();
  const instances = shadowInstances(memory.code);
  if (instances.length === 0 || !hasOneTable(memory, instances)) return found;
  const isOpen = middles(memory, instances, entries, edges);
  for (const instance of instances) {
    if (isOpen(instance)) continue;
    instance.rows.forEach(({ mark }, i) => {
      if (mark !== undefined)
        found.set((instance.start + i) * 4, { kind: mark, target: instance.saved ? LINK_AND_TOC : LINK });
    });
  }
  return found;
}

function hasOneTable(memory: Memory, instances: readonly ShadowInstance[]): boolean {
  const states = new Set<number>();
  const tables = new Set<number>();
  for (const instance of instances)
    for (const [of, places] of shadowAddresses(memory.code, instance))
      for (const at of places)
        if (of === 'table') tables.add(at);
        else if (of !== 'toc') states.add(of === 'state' ? at : at - 8);
  const [state, table] = [[...states][0]!, [...tables][0]!];
  if (states.size !== 1 || tables.size !== 1 || table % 8 !== 0 || state % 8 !== 0) return false;
  if (state < table + TABLE_SIZE && table < state + STATE_SIZE) return false;
  return isWritable(memory, state, STATE_SIZE) && isWritable(memory, table, TABLE_SIZE);
}

function isWritable(memory: Memory, at: number, size: number): boolean {
  const section = memory.sectionAt(at);
  return section !== undefined && !section.isCode && !section.isConstant && at + size <= section.offset + section.size;
}

/** Whether somebody goes into the middle of an instance. */
function middles(
  { code }: Memory,
  instances: readonly ShadowInstance[],
  entries: Iterable<number>,
  edges: ReadonlyMap<number, readonly ExtraEdge[]>,
): (instance: ShadowInstance) => boolean {
  const open = new Set<ShadowInstance>();
  const reach = (word: number, from: number) => {
    for (const i of instances) if (word > i.start && word < i.end && (from < i.start || from >= i.end)) open.add(i);
  };
  for (const entry of entries) reach(entry >> 2, -1);
  for (const [at, list] of edges)
    for (const { target } of list) {
      reach(target >> 2, -1);
      reach(at >> 2, -1);
    }
  for (let at = 0; at < code.length; at++) {
    const word = code[at]!;
    const opcode = word >>> 26;
    if (opcode === 18) reach(at + ((word << 6) >> 8), at);
    else if (opcode === 16) reach(at + (((word & 0xfffc) << 16) >> 18), at);
  }
  return instance => open.has(instance);
}
