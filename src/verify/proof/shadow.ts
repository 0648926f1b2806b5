/**
 * Shadow code in a loaded module, for the prover: where a return address is put away, and where it comes back. That it does is told
 * only where all that follows from the words holds: one table for all such code of the module, in memory that may be written, or
 * the stack that the kernel has for this purpose; and nobody who goes into the middle of the code.
 */
import { type BranchingObject, eachBranch } from '../../prove/leaders.ts';
import { type ExtraEdge, GLOBAL, LOCAL } from '../../prove/subject.ts';
import type { Memory } from './memory.ts';
import {
  type ShadowInstance,
  STATE_SIZE,
  type StackOffsets,
  shadowAddresses,
  shadowInstances,
  TABLE_SIZE,
} from './shadow-code.ts';

/** What `ExtraEdge.target` says of such an edge. */
const LINK = 0;
const LINK_AND_TOC = 2;

/**
 * @param object marks and tables of the code in `memory`
 * @param stack where the kernel has the second stack of a task; nothing is told of code that looks for it elsewhere
 * @returns edges `keeps` and `gives` by place
 */
export function shadowEdges(
  memory: Memory,
  object: Omit<BranchingObject, 'code'>,
  stack: StackOffsets | undefined,
): ReadonlyMap<number, ExtraEdge> {
  const found = new Map<number, ExtraEdge>();
  const instances = shadowInstances(memory.code);
  if (instances.length === 0) return found;
  const isOpen = middles({ ...object, code: memory.code }, instances);
  const tables = instances.filter(i => i.kind === 'table');
  const isOneTable = tables.length > 0 && hasOneTable(memory, tables);
  const isKept = (i: ShadowInstance) => (i.kind === 'table' ? isOneTable : isOnStack(i, stack) && hasState(memory, i));
  for (const instance of instances) {
    if (isOpen(instance) || !isKept(instance)) continue;
    instance.rows.forEach(({ mark }, i) => {
      if (mark !== undefined)
        found.set((instance.start + i) * 4, { kind: mark, target: instance.saved ? LINK_AND_TOC : LINK });
    });
  }
  return found;
}

function isOnStack({ stack: own }: ShadowInstance, stack: StackOffsets | undefined): boolean {
  return own !== undefined && own.threadInfo === stack?.threadInfo && own.sp === stack.sp;
}

/** The only thing that such code writes besides the stack. */
function hasState(memory: Memory, instance: ShadowInstance): boolean {
  const [state, other] = statesOf(memory, [instance]);
  return state !== undefined && other === undefined && state % 8 === 0 && isWritable(memory, state, STATE_SIZE);
}

/** Where the counters are, each place once. */
function statesOf({ code }: Memory, instances: readonly ShadowInstance[]): readonly number[] {
  const states = new Set<number>();
  for (const instance of instances)
    for (const [of, places] of shadowAddresses(code, instance))
      for (const at of places) if (of === 'state' || of === 'state+8') states.add(of === 'state' ? at : at - 8);
  return [...states];
}

function hasOneTable(memory: Memory, instances: readonly ShadowInstance[]): boolean {
  const [state, other] = statesOf(memory, instances);
  const tables = new Set(instances.flatMap(i => [...(shadowAddresses(memory.code, i).get('table') ?? [])]));
  const [table] = tables;
  if (state === undefined || table === undefined || other !== undefined || tables.size !== 1) return false;
  if (table % 8 !== 0 || state % 8 !== 0 || (state < table + TABLE_SIZE && table < state + STATE_SIZE)) return false;
  return isWritable(memory, state, STATE_SIZE) && isWritable(memory, table, TABLE_SIZE);
}

function isWritable(memory: Memory, at: number, size: number): boolean {
  const section = memory.sectionAt(at);
  return section !== undefined && !section.isCode && !section.isConstant && at + size <= section.offset + section.size;
}

const NOP = 0x60000000;
/** `b` that does not link, and its mask. */
const BRANCH = 0x48000000;
const BRANCH_MASK = 0xfc000001;

/** The words of G's address: no instructions, whatever they look like, where the code in front of them ends in a branch. */
function addressWords(code: Uint32Array, { start, rows, bases }: ShadowInstance): readonly number[] {
  const row = rows.findIndex(r => r.isTarget);
  const at = bases[row]! + ((code[start + row]! & 0xfffc) >> 2);
  const last = code[at - 1] === NOP ? at - 2 : at - 1;
  return at < code.length && (code[last]! & BRANCH_MASK) >>> 0 === BRANCH ? [at, at + 1] : [];
}

/** Whether somebody goes into the middle of an instance, or to the address behind it. */
function middles(object: BranchingObject, instances: readonly ShadowInstance[]): (instance: ShadowInstance) => boolean {
  const { code, marks, edges } = object;
  const open = new Set<ShadowInstance>();
  const addresses = new Map(instances.flatMap(i => addressWords(code, i).map(at => [at, i] as const)));
  const reach = (word: number, from: number) => {
    for (const i of instances) if (word > i.start && word < i.end && (from < i.start || from >= i.end)) open.add(i);
    const owner = addresses.get(word);
    if (owner !== undefined) open.add(owner);
  };
  marks.forEach((mark, word) => {
    if ((mark & (GLOBAL | LOCAL)) !== 0) reach(word, -1);
  });
  for (const [at, list] of edges)
    for (const { target } of list) {
      reach(target >> 2, -1);
      reach(at >> 2, -1);
    }
  eachBranch(object, (from, to) => {
    if (!addresses.has(from)) reach(to, from);
  });
  return instance => open.has(instance);
}
