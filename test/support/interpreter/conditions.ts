/** Which way conditional branches go: Power ISA 3.1, Book I, 2.4. */
import type { Options } from './options.ts';
import type { Run } from './run.ts';

/** Whether the condition of a branch holds, CTR counted down where it asks for that. */
export function isTaken(run: Run, { isForced, leading }: Options, pc: bigint, word: number): boolean {
  const m = run.machine;
  const options = (word >>> 21) & 31;
  let taken = true;
  if ((options & 4) === 0) {
    m.ctr = BigInt.asUintN(64, m.ctr - 1n);
    taken = (m.ctr === 0n) === ((options & 2) !== 0);
  }
  if ((options & 16) === 0) taken &&= (m.bit((word >>> 16) & 31) === 1) === ((options & 8) !== 0);
  const isConditional = (options & 20) !== 20;
  if (!isConditional || !isForced || isBound(run, pc, word)) return taken;
  run.forced++;
  if (leading !== undefined && word >>> 26 === 16 && !m.random.oneIn(8)) {
    const target = pc + BigInt(((word & 0xfffc) << 16) >> 16);
    if (leading.has(target) !== leading.has(pc + 4n)) return leading.has(target);
  }
  return m.random.oneIn(2);
}

/** Whether the branch keeps an index inside a table: `cmplwi rX,N` and `bgt`. Its condition is honoured always. */
function isBound(run: Run, pc: bigint, word: number): boolean {
  const bit = (word >>> 16) & 31;
  if ((bit & 3) !== 1) return false;
  for (let back = 1n; back <= 64n; back++) {
    const before = run.world.word(pc - 4n * back) ?? 0;
    if (before >>> 26 === 10 && ((before >>> 23) & 7) === bit >> 2) return true;
  }
  return false;
}
