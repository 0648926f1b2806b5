/**
 * Bad plans, carried out to the letter: nothing differs from the plan, and what the plan says is wrong. These are the
 * mistakes that a maker can make, and the output of each must not get through.
 */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import type { NewRelocation, PatchPlan, PlannedRedirect } from '../../../src/plan/plan.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { carryOut, codes, judge, type Patched, patch, redirect } from './support/patched.ts';

const MODULE = '6.1/tocsin_demo.ko';
const NOP = 0x60000000;

function judged(good: Patched, change: Partial<PatchPlan>): string[] {
  return codes(judge(carryOut(good.elf, { ...good.plan, ...change })));
}

const frame = patch(MODULE, { redirects: [redirect('demo_external', 'somewhere_else')] });
const frameSaved = patch(MODULE, { redirects: [redirect('demo_external', 'somewhere_else', { toc: 'saved' })] });
const frameAnyToc = patch(MODULE, { redirects: [redirect('demo_parity', 'somewhere_else')] });
const direct = patch(MODULE, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed')] });
const byAddress = patch(MODULE, { redirects: [redirect('demo_parity', 'demo_in_range')] });
const nop = patch(MODULE, { nops: ['demo_lookup'] });

/** Words of `frame`, so that the tests below can name what they change. */
const Frame = {
  mflr: 0,
  saveLr: 1,
  push: 2,
  call: 3,
  nop: 4,
  here: 5,
  high: 6,
  low: 7,
  pop: 8,
  loadLr: 9,
  mtlr: 10,
  blr: 11,
};

interface Code {
  readonly words: number[];
  relocations: NewRelocation[];
}

/** What the judge says when the trampoline's code is another. */
function code(good: Patched, edit: (code: Code) => void): string[] {
  const [first] = good.plan.newCode;
  const changed: Code = { words: [...first!.words], relocations: [...first!.relocations] };
  edit(changed);
  const newSymbols = good.plan.newSymbols.map(s =>
    s.code === undefined ? s : { ...s, size: changed.words.length * 4 },
  );
  return judged(good, { newCode: [{ ...first!, ...changed }], newSymbols });
}

function word(index: number, value: number, good = frame): string[] {
  return code(good, c => {
    c.words[index] = value;
  });
}

describe('trampolines with a frame', () => {
  it('are what the tests below take them for', () => {
    expect(frame.plan.newCode[0]!.words).toHaveLength(12);
    expect(code(frame, () => {})).toEqual([]);
    expect(code(frameSaved, () => {})).toEqual([]);
    expect(code(frameAnyToc, () => {})).toEqual([]);
  });

  it.each([
    ['an instruction that nobody expects', Frame.mflr, 0x7c0004ac, 'VER060'],
    ['a frame that is not taken down whole', Frame.pop, 0x38210010, 'VER061'],
    ['a frame that is taken down twice', Frame.pop, 0x38210040, 'VER061'],
    ['LR that is not restored', Frame.mtlr, NOP, 'VER062'],
    ['LR from a slot where it is not', Frame.loadLr, 0xe8010018, 'VER062'],
    ['LR saved in the own frame, which the callee overwrites', Frame.saveLr, 0xf801fff0, 'VER069'],
    ['a clobbered argument', Frame.mflr, 0x38600000, 'VER064'],
    ['a clobbered result', Frame.here, 0x7c6802a6, 'VER064'],
    ['a clobbered non-volatile register', Frame.here, 0x7dc802a6, 'VER064'],
    ['a call without its nop', Frame.nop, 0x7c0802a6, 'VER065'],
    ['a frame that is too small', Frame.push, 0xf821fff1, 'VER066'],
    ['a frame of an odd size', Frame.push, 0xf821ffd9, 'VER066'],
    ['no frame at all', Frame.push, NOP, 'VER066'],
    ['a frame without a back chain', Frame.push, 0x3821ffe0, 'VER066'],
    ['a store into the caller’s TOC slot', Frame.mflr, 0xf8410018, 'VER069'],
    ['a store into the caller’s frame', Frame.mflr, 0xf8010020, 'VER069'],
    ['a store below the stack', Frame.mflr, 0xf801fff8, 'VER069'],
    ['no end', Frame.blr, NOP, 'VER070'],
    ['a circle', Frame.blr, 0x4bffffd4, 'VER070'],
  ])('%s', (_, index, value, expected) => {
    expect(word(index, value)).toContain(expected);
  });

  it('an LR that is right may come from the own frame only if no callee writes there', () => {
    // std r0,-16(r1) before the frame is made, ld r0,16(r1) inside it: the slot that the callee's prologue uses.
    const bad = code(frame, c => {
      c.words[Frame.pop] = 0xe8010010;
      c.words[Frame.loadLr] = 0x38210020;
    });
    expect(bad).toContain('VER062');
  });

  it('VER063: r2 that nobody puts back', () => {
    const withoutRestore = code(frame, c => {
      c.words[Frame.here] = NOP;
      c.words[Frame.high] = 0x3c400000;
      c.words[Frame.low] = 0x38420000;
      c.relocations = c.relocations.filter(r => r.type === 10);
    });
    expect(withoutRestore).toEqual(['VER063', 'VER225']);
  });

  it('VER063: r2 computed from the wrong place', () => {
    const shift = (by: number, which: (r: NewRelocation) => boolean) =>
      code(frame, c => {
        c.relocations = c.relocations.map(r => (which(r) ? { ...r, addend: r.addend + by } : r));
      });
    expect(shift(4, r => r.type !== 10)).toEqual(['VER063']);
    expect(shift(4, r => r.type === 250)).toEqual(['VER063']);
    expect(shift(4, r => r.type === 252)).toEqual(['VER063']);
    // From no register, and from one that holds nothing known.
    expect(word(Frame.high, 0x3c400000)).toContain('VER060');
    expect(word(Frame.high, 0x3c4b0000)).toContain('VER063');
    expect(word(Frame.here, NOP)).toContain('VER063');
  });

  it.each([-8, 4, 8, 0x10000])('a call of what lies %d bytes beside the replacement, also for the prover', by => {
    const [first] = frame.plan.newCode;
    const relocations = first!.relocations.map(r => (r.type === 10 ? { ...r, addend: r.addend + by } : r));
    const bad = carryOut(frame.elf, { ...frame.plan, newCode: [{ ...first!, relocations }] });
    expect(codes(judge(bad))).toEqual(['VER068']);
    const places = bad.plan.actions.filter(a => a.kind === 'redirect');
    const { functions } = new PatchProver(bad.elf, undefined).prove(readElf(bad.output), places);
    expect(functions.map(f => f.code)).toContain('PRV005');
  });

  it('VER196: an import that the kernel would load without, and a name that is taken', () => {
    const { newSymbols } = frame.plan;
    const changed = (n: number, change: object) =>
      judged(frame, { newSymbols: newSymbols.map((s, i) => (i === n ? { ...s, ...change } : s)) });
    const imported = newSymbols.findIndex(s => s.code === undefined);
    expect(changed(imported, {})).toEqual([]);
    for (const change of [{ binding: 2 }, { type: 6 }, { st_other: 0x20 }, { value: 8 }])
      expect(changed(imported, change)).toContain('VER196');
    expect(changed(1 - imported, { name: 'demo_alarm' })).toContain('VER196');
  });

  it('VER067: the stub entered with a foreign r2', () => {
    const bad = code(frameAnyToc, c => {
      const first = c.relocations.find(r => r.type === 252)!.offset;
      c.words[first / 4] = NOP;
      c.words[first / 4 + 1] = NOP;
      c.relocations = c.relocations.filter(r => r.offset !== first && r.offset !== first + 4);
    });
    expect(bad).toContain('VER067');
  });

  it('VER068: another function called, or the right one twice', () => {
    const other = code(frame, c => {
      const existing = frame.elf.symbols!.find('mutex_lock');
      c.relocations = c.relocations.map(r => (r.type === 10 ? { ...r, symbol: { existing } } : r));
    });
    expect(other).toEqual(['VER068']);
    const twice = code(frameSaved, c => {
      const call = c.relocations.find(r => r.type === 10)!;
      c.words.splice(Frame.here, 0, c.words[Frame.call]!, NOP);
      c.relocations.push({ ...call, offset: Frame.here * 4 });
    });
    expect(twice).toEqual(['VER068']);
  });

  it('both ways of a conditional branch are followed', () => {
    // beq over the restore of LR: one way out is wrong.
    const bad = code(frameSaved, c => {
      c.words.splice(Frame.here, 0, 0x41820010);
    });
    expect(bad).toEqual(expect.arrayContaining(['VER061', 'VER062']));
    // beq to the next instruction: both ways are right.
    expect(
      code(frameSaved, c => {
        c.words.splice(Frame.here, 0, 0x41820004);
      }),
    ).toEqual([]);
  });

  it('VER071: code that no redirect reaches is told', () => {
    expect(code(frame, c => c.words.push(0x38600000))).toEqual(['VER071']);
    expect(code(frame, c => c.words.push(NOP))).toEqual([]);
  });

  it('VER072: code in memory that goes away', () => {
    const bad = judged(frame, { newCode: frame.plan.newCode.map(c => ({ ...c, name: '.init.text.tocsin' })) });
    expect(bad).toEqual(['VER072']);
  });
});

describe('trampolines that jump', () => {
  it('go to the global entry with its address in r12', () => {
    expect(code(byAddress, () => {})).toEqual([]);
    const last = byAddress.plan.newCode[0]!.words.length - 1;
    const add = last - 2;
    // The address in r11, and CTR from there: r12 is something else.
    expect(word(add, 0x396c0000, byAddress)).toContain('VER060');
    expect(
      code(byAddress, c => {
        c.words.splice(last, 0, 0x39800000);
      }),
    ).toContain('VER067');
    expect(word(last - 1, NOP, byAddress)).toEqual(['VER060']);
    expect(word(3, NOP, byAddress)).toContain('VER062');
  });
});

describe('redirects', () => {
  const [action] = direct.plan.actions as readonly PlannedRedirect[];
  const [added] = direct.plan.addedRelocations;
  const [branch] = direct.plan.words;

  it('VER053: a branch that links, or none', () => {
    for (const after of [0x48000001, NOP]) {
      const bad = judged(direct, { words: [{ ...branch!, after }] });
      expect(bad).toContain('VER053');
    }
  });

  it('VER054: another target, or none', () => {
    const existing = direct.elf.symbols!.find('demo_lookup');
    expect(judged(direct, { addedRelocations: [{ ...added!, symbol: { existing } }] })).toEqual(['VER054']);
    expect(judged(direct, { addedRelocations: [{ ...added!, addend: 4 }] })).toEqual(['VER054']);
    expect(judged(direct, { addedRelocations: [] })).toEqual(['VER054']);
    expect(judged(direct, { addedRelocations: [added!, added!] })).toEqual(['VER054']);
  });

  it('VER054: a frame that is not there', () => {
    expect(judged(direct, { actions: [{ ...action!, strategy: 'frame' }] })).toEqual(['VER054']);
  });

  it('VER055: a branch that comes too late, or too early', () => {
    const move = (by: number) => {
      const offset = branch!.offset + by;
      const before = direct.elf.sectionWords(direct.elf.sections[branch!.section]!)[offset / 4]!;
      return judged(direct, {
        words: [{ ...branch!, offset, before }],
        actions: [{ ...action!, offset }],
        addedRelocations: [{ ...added!, offset }],
        removedRelocations: [],
      });
    };
    expect(move(4)).toContain('VER055');
    expect(move(-12)).toContain('VER055');
  });

  it('VER056: a function without r2 in front of one that needs it', () => {
    const [jump] = byAddress.plan.addedRelocations;
    const existing = byAddress.elf.symbols!.find('demo_in_range');
    const bad = judged(byAddress, {
      newCode: [],
      newSymbols: [],
      addedRelocations: [{ ...jump!, symbol: { existing } }],
    });
    expect(bad).toEqual(['VER056']);
  });

  it('VER052: a record that names the branch', () => {
    const atSite = patch(MODULE, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed', { at: 'site' })] });
    expect(judged(atSite, {})).toEqual([]);
    expect(judged(atSite, { removedRecords: [] })).toEqual(['VER052', 'VER222']);
  });

  it('VER021: straight to another module', () => {
    const name = 'somewhere_else';
    const bad = judged(direct, {
      newSymbols: [{ name, binding: 1, type: 0, st_other: 0, value: 0, size: 0 }],
      addedRelocations: [{ ...added!, symbol: { added: 0 } }],
      actions: [{ ...action!, to: name }],
    });
    expect(bad).toEqual(expect.arrayContaining(['VER021', 'VER054']));
  });
});

describe('call sites that are gone', () => {
  it('VER050: but are not', () => {
    const [first] = nop.plan.words;
    expect(judged(nop, { words: [{ ...first!, after: 0x60000001 }] })).toContain('VER050');
  });

  it('VER051: but keep their relocation', () => {
    expect(judged(nop, { removedRelocations: [] })).toContain('VER051');
  });

  it('VER052: but keep their record', () => {
    expect(judged(nop, { removedRecords: [] })).toEqual(['VER052', 'VER222']);
    const patchable = patch('6.12/tocsin_demo.ko', { nops: ['demo_lookup'] });
    expect(judged(patchable, { removedRecords: [] })).toEqual(['VER052', 'VER222']);
  });

  it('VER057: of a function that is not there', () => {
    const actions = nop.plan.actions.map(a => ({ ...a, function: 'nobody' }));
    expect(judged(nop, { actions })).toEqual(['VER057', 'VER229']);
  });
});
