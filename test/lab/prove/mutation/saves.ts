/** Operators that spoil what is saved and restored: LR, r14 to r31, CR2 to CR4. */
import {
  type Body,
  isPlain,
  isPop,
  isRestore,
  isSave,
  MFLR_R0,
  MTLR_R0,
  type Mutation,
  moved,
  NOP,
  type Operator,
  rt,
  withRa,
  withRt,
} from './body.ts';

const keeps = (word: number) => rt(word) >= 14;
const isSaveOfKept = (word: number) => isSave(word) && keeps(word);
const isRestoreOfKept = (word: number) => isRestore(word) && keeps(word);
const isSaveOfLink = (word: number) => isSave(word) && rt(word) === 0;
const isRestoreOfLink = (word: number) => isRestore(word) && rt(word) === 0;
/** mfcr and mfocrf, mtcrf and mtocrf, and the store and load of the word. */
const isMfcr = (word: number) => (word & 0xfc0007fe) >>> 0 === 0x7c000026;
const isMtcrf = (word: number) => (word & 0xfc0007fe) >>> 0 === 0x7c000120;
const isCrWord = (opcode: number) => (word: number) =>
  word >>> 26 === opcode && ((word >>> 16) & 31) === 1 && rt(word) === 12;

function crossed(body: Body, isWanted: (word: number) => boolean): Mutation[] {
  const places = body.find(isWanted);
  return places.slice(1).flatMap((b, i) => {
    const a = places[i]!;
    const [x, y] = [body.at(a), body.at(b)];
    return rt(x) === rt(y)
      ? []
      : [
          [
            { at: a, word: withRt(x, rt(y)) },
            { at: b, word: withRt(y, rt(x)) },
          ],
        ];
  });
}

/** Every save and restore of one register as words in place of doublewords. */
function narrowed(body: Body): Mutation[] {
  const registers = new Set(body.find(isSaveOfKept).map(pc => rt(body.at(pc))));
  return [...registers].map(register => [
    ...body
      .find(word => isSaveOfKept(word) && rt(word) === register)
      .map(at => ({ at, word: asWord(body.at(at), 36) })),
    ...body
      .find(word => isRestoreOfKept(word) && rt(word) === register)
      .map(at => ({ at, word: asWord(body.at(at), 32) })),
  ]);
}

const asWord = (word: number, opcode: number) => ((word & 0x03ffffff) | (opcode << 26)) >>> 0;

/** A register from r14 on that the function neither saves nor uses as a whole. */
function unsaved(body: Body): number {
  const saved = new Set(body.find(isSaveOfKept).map(pc => rt(body.at(pc))));
  for (let register = 14; register < 31; register++) if (!saved.has(register)) return register;
  return 31;
}

export const saveOperators: readonly Operator[] = [
  {
    name: 'mflr dropped',
    what: 'mflr r0 → nop',
    ways: b =>
      b.each(
        w => w === MFLR_R0,
        () => NOP,
      ),
  },
  { name: 'save of LR dropped', what: 'std r0,d(r1) → nop', ways: b => b.each(isSaveOfLink, () => NOP) },
  {
    name: 'LR saved at a wrong offset',
    what: 'std r0,d(r1) → std r0,d-8(r1)',
    ways: b => b.each(isSaveOfLink, w => moved(w, -8)),
  },
  {
    name: 'another register saved as LR',
    what: 'std r0,d(r1) → std r31,d(r1)',
    ways: b => b.each(isSaveOfLink, w => withRt(w, 31)),
  },
  { name: 'load of LR dropped', what: 'ld r0,d(r1) → nop', ways: b => b.each(isRestoreOfLink, () => NOP) },
  {
    name: 'LR loaded from a wrong offset',
    what: 'ld r0,d(r1) → ld r0,d+8(r1)',
    ways: b => b.each(isRestoreOfLink, w => moved(w, 8)),
  },
  {
    name: 'mtlr dropped',
    what: 'mtlr r0 → nop',
    ways: b =>
      b.each(
        w => w === MTLR_R0,
        () => NOP,
      ),
  },
  {
    name: 'LR set from another register',
    what: 'mtlr r0 → mtlr r12',
    ways: b =>
      b.each(
        w => w === MTLR_R0,
        w => withRt(w, 12),
      ),
  },
  { name: 'save of a register dropped', what: 'std r14..r31,d(r1) → nop', ways: b => b.each(isSaveOfKept, () => NOP) },
  {
    name: 'restore of a register dropped',
    what: 'ld r14..r31,d(r1) → nop',
    ways: b => b.each(isRestoreOfKept, () => NOP),
  },
  {
    name: 'register saved at a wrong offset',
    what: 'std r14..r31,d+8(r1)',
    ways: b => b.each(isSaveOfKept, w => moved(w, 8)),
  },
  {
    name: 'register restored from a wrong offset',
    what: 'ld r14..r31,d-8(r1)',
    ways: b => b.each(isRestoreOfKept, w => moved(w, -8)),
  },
  {
    name: 'saves crossed',
    what: 'two registers change places where they are saved',
    ways: b => crossed(b, isSaveOfKept),
  },
  {
    name: 'restores crossed',
    what: 'two registers change places where they are restored',
    ways: b => crossed(b, isRestoreOfKept),
  },
  {
    name: 'another register saved',
    what: 'std r14..r31 → std of the one below',
    ways: b => b.each(isSaveOfKept, w => withRt(w, rt(w) - 1)),
  },
  {
    name: 'another register restored',
    what: 'ld r14..r31 → ld of the one below',
    ways: b => b.each(isRestoreOfKept, w => withRt(w, rt(w) - 1)),
  },
  {
    name: 'restore through another base',
    what: 'ld r14..r31,d(r1) → ld r14..r31,d(r12)',
    ways: b => b.each(isRestoreOfKept, w => withRa(w, 12)),
  },
  { name: 'save of half a register', what: 'std → stw', ways: b => b.each(isSaveOfKept, w => asWord(w, 36)) },
  { name: 'restore of half a register', what: 'ld → lwz', ways: b => b.each(isRestoreOfKept, w => asWord(w, 32)) },
  { name: 'save and restore of half a register', what: 'std → stw and ld → lwz', ways: narrowed },
  {
    name: 'register restored on the wrong side of the pop',
    what: 'addi r1,r1,N and the ld behind it change places',
    ways: b =>
      b
        .find((word, pc) => isPop(word) && isRestore(b.at(pc + 4)))
        .map(pc => [
          { at: pc, word: b.at(pc + 4) },
          { at: pc + 4, word: b.at(pc) },
        ]),
  },
  {
    name: 'register used without being saved',
    what: 'some instruction → li r14..r31,1 of one that is not saved',
    ways: b => b.each(isPlain, () => withRt(0x38000001, unsaved(b))),
  },
  {
    name: 'value computed into an unsaved register',
    what: 'a load or addi gets another target',
    ways: b =>
      b.each(
        w => (w >>> 26 === 14 || w >>> 26 === 58 || w >>> 26 === 32) && rt(w) > 2 && rt(w) < 13,
        w => withRt(w, unsaved(b)),
      ),
  },
  { name: 'mfcr dropped', what: 'mfcr → nop', ways: b => b.each(isMfcr, () => NOP) },
  { name: 'save of CR dropped', what: 'stw r12,d(r1) → nop', ways: b => b.each(isCrWord(36), () => NOP) },
  { name: 'load of CR dropped', what: 'lwz r12,d(r1) → nop', ways: b => b.each(isCrWord(32), () => NOP) },
  {
    name: 'CR loaded from a wrong offset',
    what: 'lwz r12,d(r1) → lwz r12,d+4(r1)',
    ways: b => b.each(isCrWord(32), w => moved(w, 4)),
  },
  { name: 'mtcrf dropped', what: 'mtcrf → nop', ways: b => b.each(isMtcrf, () => NOP) },
  {
    name: 'mtcrf of a wrong field',
    what: 'the mask of mtcrf moved by one field',
    ways: b => b.each(isMtcrf, w => (w & ~(0xff << 12)) | (((w >>> 1) & (0xff << 12)) >>> 0)),
  },
  {
    name: 'compare into a field that is kept',
    what: 'cmp cr0 or cr7 → cr3',
    ways: b =>
      b.each(
        w => (w >>> 26 === 10 || w >>> 26 === 11) && ((w >>> 23) & 7) !== 3,
        w => (w & ~(7 << 23)) | (3 << 23),
      ),
  },
];
