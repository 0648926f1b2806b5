/** Data beside the loader's instructions that reads as a branch: it leads nowhere, unless something may lead to it. */
import { describe, expect, it } from 'vitest';
import { prologue, type Source, verdicts } from './support/assemble.ts';

/** Words behind the instructions of a call stub. */
interface Data {
  readonly padding?: string;
  readonly magic?: string;
  readonly low?: string;
  readonly high?: string;
}

/**
 * A switch `f`, whose jump at `jump` nobody may come to but from above; `g`, which calls through a stub; and a stub of the tracer's
 * with a pointer in front of it.
 */
function source(data: Data & { readonly end?: string; readonly pointer?: string; readonly back?: string }): Source {
  const { padding = '.long 0', magic = '.long 0x73747562', low = '.long 0', high = '.long 0xc0080000' } = data;
  return {
    functions: { f: {}, g: {} },
    code: `${prologue('f')}\n cmplwi cr0,r4,1\n bgt cr0,two\n addis r9,r2,at@ha(table)\n addi r9,r9,at@l(table)
 rldic r4,r4,2,30\n lwax r10,r9,r4\n add r10,r10,r9\n mtctr r10\njump: bctr\ntable: .long 0\n .long 0\none: nop\ntwo: nop\nlast: blr
${prologue('g')}\n mflr r0\n std r0,16(r1)\n stdu r1,-64(r1)\n bl stub\n ld r2,24(r1)\n addi r1,r1,64\n ld r0,16(r1)\n mtlr r0\n blr
stub: addis r11,r2,at@ha(stub)\n addi r11,r11,at@l(stub)\n std r2,24(r1)\n ld r12,32(r11)\n mtctr r12
end: ${data.end ?? 'bctr'}\npadding: ${padding}\nmagic: ${magic}\ntarget: ${low}\n ${high}
pointer: ${data.pointer ?? '.long 0'}\n .long 0xc0080000\ntracer: mflr r0\n nop\n mtlr r0\n ${data.back ?? 'b last'}\nstubs_end:`,
    stubs: ['stub', 'stubs_end'],
    stubData: [
      ['padding', 'pointer'],
      ['pointer', 'tracer'],
    ],
    tables: { table: ['one', 'two'] },
    data: { target: 'printk' },
  };
}

const PLACES = ['padding', 'magic', 'low', 'high', 'pointer'] as const;
const BRANCHES = ['b jump', 'bl jump', 'beq cr0,jump', 'bdnz jump'];
const cases = PLACES.flatMap(place => BRANCHES.map(branch => [place, branch] as const));

describe('data of a stub that reads as a branch', () => {
  it.each(cases)('is none as %s: %s', (place, branch) => {
    expect(verdicts(source({ [place]: branch }))).toEqual({ f: 'proved', g: 'proved' });
    // The same words among instructions may be executed by somebody.
    expect(verdicts({ ...source({ [place]: branch }), stubData: [] }).f).toBe('unknown PRV002');
  });

  it('is one where an instruction of a stub leads to the switch', () => {
    expect(verdicts(source({ back: 'b jump' })).f).toBe('unknown PRV002');
    expect(verdicts(source({ back: 'b one' })).f).toBe('proved');
  });

  it.each(PLACES)('is one where control may come to some of it: %s', place => {
    const bad = source({ [place]: 'b jump' });
    const other = place === 'padding' ? 'magic' : 'padding';
    const unknown = (of: Source) => expect(verdicts(of).f).toBe('unknown PRV002');
    // From the instruction in front, or one that a table of jump labels makes of it.
    unknown(source({ [place]: 'b jump', end: 'nop' }));
    unknown(source({ [place]: 'b jump', end: 'beqctr cr0' }));
    unknown({ ...bad, edges: [{ at: 'end', kind: 'next', to: 'padding' }] });
    unknown({ ...bad, sites: ['end'] });
    // By a branch, a table, an entry, a place of the tracer's.
    unknown(source({ [place]: 'b jump', back: `b ${other}` }));
    unknown({ ...bad, code: bad.code.replace('last: blr', `last: beq cr0,${other}\n blr`) });
    unknown({ ...bad, edges: [{ at: 'stub', kind: 'also', to: other }] });
    unknown({ ...bad, edges: [{ at: other, kind: 'instead', to: 'stub' }] });
    unknown({ ...bad, functions: { ...bad.functions, [other]: { k: 0 } } });
    unknown({ ...bad, sites: [other] });
  });

  it('is not executed: who comes to it has no code', () => {
    for (const place of ['padding', 'magic', 'target', 'pointer']) {
      const to = (branch: string) => source({ back: `${branch} ${place}` });
      const jumps = { ...to('b'), functions: { f: {}, g: {}, tracer: { k: 0 } } };
      expect(verdicts(jumps).tracer).toBe('unknown PRV004');
      expect(verdicts({ ...to('bl'), functions: jumps.functions }).tracer).toBe('unknown PRV004');
    }
    // Before the first of it nothing ends the block.
    const falls = source({ end: 'nop' });
    expect(verdicts(falls).g).toBe('unknown PRV005');
    expect(verdicts({ ...falls, functions: { f: {}, g: {}, end: { k: 0 } } }).end).toBe('unknown PRV003');
  });
});
