/** Operators that send control elsewhere: branches, tables, the tracer's records, call stubs. */
import {
  BCTR,
  type Body,
  isBranch,
  isCall,
  isConditional,
  isMtctr,
  isPlain,
  isPop,
  isPush,
  isRestore,
  type Mutation,
  moved,
  NOP,
  type Operator,
  withRt,
} from './body.ts';

/** A branch inside of the function. */
const isInside = (body: Body) => (word: number, pc: number) => {
  if (!isBranch(word) && !isConditional(word)) return false;
  const target = body.target(pc);
  return target > body.local && target < body.end;
};

const sentTo = (body: Body, to: (target: number, pc: number) => number | undefined): Mutation[] =>
  body.each(isInside(body), (_, pc) => {
    const target = to(body.target(pc), pc);
    return target === undefined || target === body.target(pc) ? undefined : body.retargeted(pc, target);
  });

/** One word of each stub that the function calls. */
function inStubs(body: Body, change: (word: number) => number | undefined): Mutation[] {
  const stubs = new Set(body.find((w, pc) => isCall(w) && body.isStub(body.target(pc))).map(pc => body.target(pc)));
  return [...stubs].flatMap(stub => {
    const found: Mutation[] = [];
    for (let pc = stub; pc < stub + 32; pc += 4) {
      const word = change(body.at(pc));
      if (word !== undefined && word >>> 0 !== body.at(pc)) found.push([{ at: pc, word: word >>> 0 }]);
      if (body.at(pc) === BCTR) break;
    }
    return found;
  });
}

/** The words of the jump table that `bctr` uses, where it lies behind it in the code. */
function tableEntries(body: Body): number[] {
  return body
    .find(word => word === BCTR)
    .flatMap(pc => {
      const table = pc + 4;
      const places: number[] = [];
      for (let at = table; at < table + 4 * 64; at += 4) {
        const target = table + (body.at(at) | 0);
        if (target <= table || target >= body.end || target % 4 !== 0) break;
        places.push(at);
      }
      return places.map(at => [at, table] as const);
    })
    .map(([at]) => at);
}

function tableOf(body: Body, entry: number): number {
  let at = entry;
  while (body.at(at - 4) !== BCTR) at -= 4;
  return at;
}

const isFromR12 = (word: number) => word >>> 26 === 58 && ((word >>> 21) & 31) === 12;

export const flowOperators: readonly Operator[] = [
  {
    name: 'branch into the prologue',
    what: 'a branch leads to the second instruction',
    ways: b => sentTo(b, () => b.local + 4),
  },
  {
    name: 'branch behind the push',
    what: 'a branch leads behind stdu r1',
    ways: b => sentTo(b, () => (b.find(isPush)[0] === undefined ? undefined : b.find(isPush)[0]! + 4)),
  },
  {
    name: 'branch to a pop',
    what: 'a branch leads to addi r1,r1,N',
    ways: b => sentTo(b, () => b.find(isPop)[0]),
  },
  {
    name: 'branch behind a pop',
    what: 'a branch leads behind addi r1,r1,N',
    ways: b => sentTo(b, () => (b.find(isPop)[0] === undefined ? undefined : b.find(isPop)[0]! + 4)),
  },
  {
    name: 'branch behind a restore',
    what: 'a branch leads behind the first ld rX,d(r1)',
    ways: b => sentTo(b, () => (b.find(isRestore)[0] === undefined ? undefined : b.find(isRestore)[0]! + 4)),
  },
  { name: 'branch one instruction too far', what: 'target + 4', ways: b => sentTo(b, target => target + 4) },
  { name: 'branch one instruction short', what: 'target - 4', ways: b => sentTo(b, target => target - 4) },
  {
    name: 'branch into another function',
    what: 'a branch leads behind the local entry of another function',
    ways: b => (b.others.length === 0 ? [] : sentTo(b, (_, pc) => b.others[(pc >> 2) % b.others.length]!.local + 8)),
  },
  {
    name: 'condition inverted',
    what: 'bc: the sense of the condition',
    ways: b =>
      b.each(
        w => isConditional(w) && ((w >>> 21) & 20) === 4,
        w => w ^ (8 << 21),
      ),
  },
  { name: 'conditional branch dropped', what: 'bc → nop', ways: b => b.each(isConditional, () => NOP) },
  { name: 'branch dropped', what: 'b → nop', ways: b => b.each(isBranch, () => NOP) },
  { name: 'conditional return', what: 'some instruction → beqlr', ways: b => b.each(isPlain, () => 0x4d820020) },
  {
    name: 'jump table entry retargeted',
    what: 'an entry leads to the local entry, the second instruction or a return',
    ways: b =>
      tableEntries(b).flatMap(at => [
        [{ at, word: (b.local + 4 - tableOf(b, at)) >>> 0 }],
        [{ at, word: (b.at(at) + 4) >>> 0 }],
      ]),
  },
  {
    name: 'jump table entry out of the function',
    what: 'an entry leads into another function',
    ways: b =>
      b.others.length === 0
        ? []
        : tableEntries(b).map(at => [
            { at, word: (b.others[(at >> 2) % b.others.length]!.local + 8 - tableOf(b, at)) >>> 0 },
          ]),
  },
  {
    name: 'jump table read without a sign',
    what: 'lwax → lwzx',
    ways: b =>
      b.each(
        w => (w & 0xfc0007fe) >>> 0 === 0x7c0002aa,
        w => (w & ~0x7fe) | (23 << 1),
      ),
  },
  {
    name: 'stub: save of the toc dropped',
    what: 'std r2,24(r1) → nop',
    ways: b => inStubs(b, w => (w === 0xf8410018 ? NOP : undefined)),
  },
  {
    name: 'stub: another register saved',
    what: 'std r2,24(r1) → std r0,24(r1)',
    ways: b => inStubs(b, w => (w === 0xf8410018 ? withRt(w, 0) : undefined)),
  },
  {
    name: 'stub: toc saved elsewhere',
    what: 'std r2,24(r1) → std r2,40(r1)',
    ways: b => inStubs(b, w => (w === 0xf8410018 ? moved(w, 16) : undefined)),
  },
  {
    name: 'stub: wrong word loaded',
    what: 'ld r12,d → ld r12,d-8',
    ways: b => inStubs(b, w => (isFromR12(w) ? moved(w, -8) : undefined)),
  },
  {
    name: 'stub: half of the distance off',
    what: 'addi r11,r11,lo → lo+8',
    ways: b => inStubs(b, w => (w >>> 26 === 14 ? moved(w, 8) : undefined)),
  },
  { name: 'stub: mtctr dropped', what: 'mtctr r12 → nop', ways: b => inStubs(b, w => (isMtctr(w) ? NOP : undefined)) },
  {
    name: 'stub: target through r11',
    what: 'mtctr r12 → mtctr r11',
    ways: b => inStubs(b, w => (isMtctr(w) ? withRt(w, 11) : undefined)),
  },
  {
    name: 'stub: target loaded into r11',
    what: 'ld r12,d → ld r11,d',
    ways: b => inStubs(b, w => (isFromR12(w) ? withRt(w, 11) : undefined)),
  },
  {
    name: 'stub: call in place of the jump',
    what: 'bctr → bctrl',
    ways: b => inStubs(b, w => (w === BCTR ? BCTR | 1 : undefined)),
  },
];
