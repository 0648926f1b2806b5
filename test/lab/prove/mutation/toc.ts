/** Operators that spoil how r2 is set up, saved and restored. */
import {
  BCTRL,
  type Body,
  isCall,
  isPlain,
  type Mutation,
  moved,
  NOP,
  type Operator,
  ra,
  rt,
  TOC_RESTORE,
  TOC_SAVE,
  withRa,
  withRt,
} from './body.ts';

const isRestoreOfToc = (word: number) => word === TOC_RESTORE;
const after = (isBefore: (word: number) => boolean) => (body: Body) => (word: number, pc: number) =>
  word === TOC_RESTORE && isBefore(body.at(pc - 4));

/** The two words between the global and the local entry. */
function setUp(body: Body, change: (high: number, low: number) => readonly [number, number]): Mutation[] {
  if (body.local - body.global !== 8) return [];
  const [high, low] = [body.at(body.global), body.at(body.global + 4)];
  const words = change(high, low);
  const changes = words
    .map((word, i) => ({ at: body.global + 4 * i, word: word >>> 0 }))
    .filter(c => c.word !== body.at(c.at));
  return changes.length === 0 ? [] : [changes];
}

export const tocOperators: readonly Operator[] = [
  {
    name: 'toc restore after a stub call dropped',
    what: 'ld r2,24(r1) behind bl → nop',
    ways: body => body.each(after(isCall)(body), () => NOP),
  },
  {
    name: 'toc restore after a call through a pointer dropped',
    what: 'ld r2,24(r1) behind bctrl → nop',
    ways: body => body.each(after(word => word === BCTRL)(body), () => NOP),
  },
  {
    name: 'toc restored from a wrong slot',
    what: 'ld r2,24(r1) → ld r2,16(r1) or ld r2,32(r1)',
    ways: body => [
      ...body.each(isRestoreOfToc, word => moved(word, -8)),
      ...body.each(isRestoreOfToc, word => moved(word, 8)),
    ],
  },
  {
    name: 'toc restored into another register',
    what: 'ld r2,24(r1) → ld r3,24(r1)',
    ways: body => body.each(isRestoreOfToc, word => withRt(word, 3)),
  },
  {
    name: 'toc restored through another base',
    what: 'ld r2,24(r1) → ld r2,24(r31)',
    ways: body => body.each(isRestoreOfToc, word => withRa(word, 31)),
  },
  {
    name: 'toc set-up: high half off',
    what: 'first word of the set-up + 1',
    ways: body => setUp(body, (h, l) => [moved(h, 1), l]),
  },
  {
    name: 'toc set-up: low half off',
    what: 'second word of the set-up + 8',
    ways: body => setUp(body, (h, l) => [h, moved(l, 8)]),
  },
  {
    name: 'toc set-up: wrong base',
    what: 'r12 → r11 in the first word',
    ways: body => setUp(body, (h, l) => [withRa(h, 11), l]),
  },
  {
    name: 'toc set-up: wrong register',
    what: 'r2 → r11 in the second word',
    ways: body => setUp(body, (h, l) => [h, withRt(l, 11)]),
  },
  { name: 'toc set-up removed', what: 'both words → nop', ways: body => setUp(body, () => [NOP, NOP]) },
  { name: 'toc set-up: low half removed', what: 'second word → nop', ways: body => setUp(body, h => [h, NOP]) },
  {
    name: 'toc set-up: halves exchanged',
    what: 'the two words change places',
    ways: body => setUp(body, (h, l) => [l, h]),
  },
  {
    name: 'toc set-up after the first use',
    what: 'the second word changes places with the first use of r2',
    ways: body => {
      if (body.local - body.global !== 8) return [];
      const use = body.find(word => (word >>> 26 === 15 || word >>> 26 === 58) && ra(word) === 2 && rt(word) !== 2)[0];
      if (use === undefined || use > body.local + 24) return [];
      return [
        [
          { at: body.global + 4, word: body.at(use) },
          { at: use, word: body.at(body.global + 4) },
        ],
      ];
    },
  },
  {
    name: 'r2 overwritten',
    what: 'some instruction → mr r2,r3',
    ways: body => body.each(isPlain, () => 0x7c621b78),
  },
  {
    name: 'r2 cleared',
    what: 'some instruction → li r2,0',
    ways: body => body.each(isPlain, () => 0x38400000),
  },
  {
    name: 'toc slot of the own frame overwritten',
    what: 'some instruction → std r3,24(r1)',
    ways: body => body.each(isPlain, () => withRt(TOC_SAVE, 3)),
  },
  {
    name: 'toc slot between call and restore overwritten',
    what: 'the argument before bctrl → std r0,24(r1)',
    ways: body =>
      body.each(
        (word, pc) => isPlain(word) && word !== TOC_SAVE && body.at(pc + 4) === BCTRL,
        () => withRt(TOC_SAVE, 0),
      ),
  },
  {
    name: "toc slot of the caller's frame overwritten",
    what: 'some instruction → std r3,N+24(r1)',
    ways: body => {
      const { frame } = body;
      return body.each(isPlain, () => moved(withRt(TOC_SAVE, 3), frame ?? 0));
    },
  },
  {
    name: "caller's back chain overwritten",
    what: 'some instruction → std r3,N(r1)',
    ways: body => {
      const { frame } = body;
      return body.each(isPlain, () => moved(withRt(TOC_SAVE, 3), (frame ?? 0) - 24));
    },
  },
  {
    name: 'toc save before a call through a pointer dropped',
    what: 'std r2,24(r1) → nop',
    ways: body =>
      body.each(
        word => word === TOC_SAVE,
        () => NOP,
      ),
  },
  {
    name: 'another register saved as the toc',
    what: 'std r2,24(r1) → std r12,24(r1)',
    ways: body =>
      body.each(
        word => word === TOC_SAVE,
        word => withRt(word, 12),
      ),
  },
  {
    name: 'toc used through another register',
    what: 'addis rX,r2 → addis rX,r11',
    ways: body =>
      body.each(
        word => word >>> 26 === 15 && ra(word) === 2 && rt(word) !== 2,
        word => withRa(word, 11),
      ),
  },
];
