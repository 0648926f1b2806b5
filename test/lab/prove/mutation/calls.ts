/** Operators that spoil calls: which entry, through what, with or without a way back. */
import {
  BCTR,
  BCTRL,
  BLR,
  type Body,
  isBranch,
  isCall,
  isMtctr,
  isPlain,
  NOP,
  type Operator,
  rt,
  TOC_RESTORE,
  withRt,
} from './body.ts';

const isLocalCall = (body: Body) => (word: number, pc: number) => isCall(word) && body.isLocalEntry(body.target(pc));
const isStubCall = (body: Body) => (word: number, pc: number) => isCall(word) && body.isStub(body.target(pc));
const isSibling = (body: Body) => (word: number, pc: number) =>
  isBranch(word) && body.others.some(o => o.local === body.target(pc) || o.global === body.target(pc));

/** The word that gives r12 its value within the last few before `pc`. */
function settingR12(body: Body, pc: number): number | undefined {
  for (let at = pc - 4; at >= body.local && at > pc - 40; at -= 4) {
    const word = body.at(at);
    if (!isPlain(word)) return undefined;
    if ((word >>> 26 === 58 && rt(word) === 12) || (word & 0xfc1f07fe) >>> 0 === (0x7c0c0378 & 0xfc1f07fe) >>> 0)
      return at;
  }
  return undefined;
}

const other = (body: Body, pc: number) => body.others[(pc >> 2) % Math.max(1, body.others.length)];

export const callOperators: readonly Operator[] = [
  {
    name: 'call of the global entry without r12',
    what: 'bl local entry → bl global entry',
    ways: body => body.each(isLocalCall(body), (_, pc) => body.retargeted(pc, body.globalOf(body.target(pc))!)),
  },
  {
    name: 'call of a local entry with a foreign r2',
    what: 'ld r2,24(r1) → bl local entry',
    ways: body =>
      body.each(
        word => word === TOC_RESTORE,
        (_, pc) => {
          const to = other(body, pc);
          return to === undefined ? undefined : (0x48000001 | ((to.local - pc) & 0x03fffffc)) >>> 0;
        },
      ),
  },
  {
    name: 'stub call sent to a local entry',
    what: 'bl stub → bl local entry',
    ways: body =>
      body.each(isStubCall(body), (_, pc) => {
        const to = other(body, pc);
        return to === undefined ? undefined : body.retargeted(pc, to.local);
      }),
  },
  {
    name: 'local call sent to a stub',
    what: 'bl local entry → bl stub',
    ways: body =>
      body.stubs.length === 0
        ? []
        : body.each(isLocalCall(body), (_, pc) => body.retargeted(pc, body.stubs[(pc >> 2) % body.stubs.length]!)),
  },
  {
    name: 'stub entered behind its first instruction',
    what: 'bl stub → bl stub+4',
    ways: body => body.each(isStubCall(body), (_, pc) => body.retargeted(pc, body.target(pc) + 4)),
  },
  { name: 'sibling call in place of a call', what: 'bl → b', ways: body => body.each(isCall, word => word & ~1) },
  {
    name: 'call in place of a sibling call',
    what: 'b → bl',
    ways: body => body.each(isSibling(body), word => word | 1),
  },
  {
    name: 'sibling call of a stub',
    what: 'b local entry → b stub',
    ways: body =>
      body.stubs.length === 0
        ? []
        : body.each(isSibling(body), (_, pc) => body.retargeted(pc, body.stubs[(pc >> 2) % body.stubs.length]!)),
  },
  {
    name: 'sibling call of the global entry without r12',
    what: 'b local entry → b global entry',
    ways: body =>
      body.each(
        (word, pc) => isBranch(word) && body.others.some(o => o.local === body.target(pc) && o.local !== o.global),
        (_, pc) => body.retargeted(pc, body.globalOf(body.target(pc))!),
      ),
  },
  {
    name: 'return in place of a sibling call',
    what: 'blr → b local entry',
    ways: body =>
      body.each(
        word => word === BLR,
        (_, pc) => {
          const to = other(body, pc);
          return to === undefined ? undefined : (0x48000000 | ((to.local - pc) & 0x03fffffc)) >>> 0;
        },
      ),
  },
  {
    name: 'call into the middle of a function',
    what: 'bl local entry → bl local entry+12',
    ways: body => body.each(isLocalCall(body), (_, pc) => body.retargeted(pc, body.target(pc) + 12)),
  },
  {
    name: 'r12 not set before a call through a pointer',
    what: 'what sets r12 before bctrl → nop',
    ways: body =>
      body
        .find(word => word === BCTRL)
        .flatMap(pc => {
          const at = settingR12(body, pc);
          return at === undefined ? [] : [[{ at, word: NOP }]];
        }),
  },
  {
    name: 'r12 changed before a call through a pointer',
    what: 'the instruction before bctrl → mr r12,r3',
    ways: body =>
      body.each(
        (word, pc) => isPlain(word) && body.at(pc + 4) === BCTRL,
        () => 0x7c6c1b78,
      ),
  },
  {
    name: 'another register moved to CTR',
    what: 'mtctr rX → mtctr r3',
    ways: body => body.each(isMtctr, word => withRt(word, 3)),
  },
  { name: 'mtctr dropped', what: 'mtctr → nop', ways: body => body.each(isMtctr, () => NOP) },
  {
    name: 'jump in place of a call through a pointer',
    what: 'bctrl → bctr',
    ways: body =>
      body.each(
        word => word === BCTRL,
        () => BCTR,
      ),
  },
  {
    name: 'call in place of a jump through a table',
    what: 'bctr → bctrl',
    ways: body =>
      body.each(
        word => word === BCTR,
        () => BCTRL,
      ),
  },
  { name: 'call dropped', what: 'bl → nop', ways: body => body.each(isCall, () => NOP) },
];
