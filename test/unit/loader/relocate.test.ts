/**
 * What the loader does with each relocation type: the last distance that it takes, the first that it refuses, its own words, and
 * what it lets pass. Everything is asked twice: by a mere check and with the image.
 */
import { describe, expect, it } from 'vitest';
import type { LoadedImage, LoadOutcome } from '../../../src/loader/model.ts';
import type { Generation, KnowledgeSpec } from '../../support/kernel-knowledge.ts';
import { load, Mutant, SH } from '../../support/loader.ts';

const RELA = 24;
/** In tocsin_demo: an absolute symbol that nothing uses. */
const ABSOLUTE = 'FRAME';

interface Relocation {
  readonly type?: number;
  readonly symbol?: number;
  readonly offset?: bigint;
  readonly addend?: bigint;
}

class Demo extends Mutant {
  readonly generation: Generation;

  constructor(generation: Generation) {
    super(generation, 'demo');
    this.generation = generation;
  }

  symbolAt(name: string): number {
    const table = this.section('.symtab').offset;
    const strings = this.section('.strtab').offset;
    for (let i = 1; ; i++) {
      const start = strings + this.view.getUint32(table + i * RELA, true);
      const text = Buffer.from(this.bytes.subarray(start, start + name.length + 1)).toString('latin1');
      if (text === `${name}\0`) return i;
    }
  }

  symbol(name: string): number {
    return this.section('.symtab').offset + this.symbolAt(name) * RELA;
  }

  /** Offset in the file of the n-th relocation of `.rela.text` that `wanted` takes. */
  relocation(wanted: (type: number, symbol: number) => boolean, n = 0): number {
    const { offset } = this.section('.rela.text');
    for (let at = offset, seen = 0; ; at += RELA)
      if (wanted(this.view.getUint32(at + 8, true), this.view.getUint32(at + 12, true)) && seen++ === n) return at;
  }

  /** Any relocation that is not needed for the others: the first TOC16_HA. */
  get spare(): number {
    return this.relocation(type => type === 50);
  }

  set(at: number, { type, symbol, offset, addend }: Relocation): this {
    if (offset !== undefined) this.view.setBigUint64(at, offset, true);
    if (type !== undefined) this.view.setUint32(at + 8, type, true);
    if (symbol !== undefined) this.view.setUint32(at + 12, symbol, true);
    if (addend !== undefined) this.view.setBigInt64(at + 16, addend, true);
    return this;
  }

  absolute(value: bigint): this {
    this.view.setBigUint64(this.symbol(ABSOLUTE) + 8, value, true);
    return this;
  }

  call(name: string, n = 0): number {
    const symbol = this.symbolAt(name);
    return this.relocation((type, s) => type === 10 && s === symbol, n);
  }

  /** Offset in the file of the place that a relocation of `.rela.text` fills. */
  place(relocation: number): number {
    return this.section('.text').offset + Number(this.view.getBigUint64(relocation, true));
  }

  load(spec: Omit<KnowledgeSpec, 'generation'> = {}): {
    readonly answer: string;
    readonly log: readonly string[];
    readonly outcome: LoadOutcome;
  } {
    const checked = load(this.generation, this.bytes, spec);
    const whole = load(this.generation, this.bytes, spec, { checkOnly: false });
    expect({ ...checked, outcome: 0 }).toEqual({ ...whole, outcome: 0 });
    expect(checked.outcome.remarks).toEqual(whole.outcome.remarks);
    return whole;
  }
}

function plainImage(generation: Generation): LoadedImage {
  return new Demo(generation).load().outcome.image!;
}

const sectionOf = (image: LoadedImage, name: string) => image.sections.find(s => s.name === name)!;

describe.each(['6.1', '6.12', '7.2'] as const)('the loader of %s', generation => {
  const plain = plainImage(generation);
  const text = sectionOf(plain, '.text').address;
  const { toc } = plain;
  const place = () => {
    const demo = new Demo(generation);
    return text + demo.view.getBigUint64(demo.spare, true);
  };

  /** Type, base that the distance counts from, last and first distances, and what the kernel says of the latter. */
  const cases: readonly (readonly [string, number, bigint, bigint, bigint, string])[] = [
    ['TOC16', 47, toc, 0x7fffn, 0x8000n, 'bad TOC16 relocation (0x8000)'],
    ['TOC16', 47, toc, -0x8000n, -0x8001n, 'bad TOC16 relocation (0xffffffffffff7fff)'],
    ['TOC16_DS', 63, toc, 0x7ffcn, 0x8000n, 'bad TOC16_DS relocation (0x8000)'],
    ['TOC16_DS', 63, toc, -0x8000n, 0x102n, 'bad TOC16_DS relocation (0x102)'],
    ['TOC16_LO_DS', 64, toc, 0x1234_5674n, 0x1234_5676n, 'bad TOC16_LO_DS relocation (0x12345676)'],
    ['REL24', 10, place(), 0x1ff_fffcn, 0x200_0000n, 'REL24 33554432 out of range!'],
    ['REL24', 10, place(), -0x200_0000n, -0x200_0004n, 'REL24 -33554436 out of range!'],
    ['REL24', 10, place(), 8n, 10n, 'REL24 10 out of range!'],
    ['REL32', 26, place(), 0x7fff_ffffn, 0x8000_0000n, 'REL32 2147483648 out of range!'],
    ['REL32', 26, place(), -0x8000_0000n, -0x8000_0001n, 'REL32 -2147483649 out of range!'],
  ];

  it.each(cases)('takes and refuses %s (type %i) where the kernel does', (_name, type, base, last, first, message) => {
    const good = new Demo(generation);
    good.set(good.spare, { type, symbol: good.symbolAt(ABSOLUTE), addend: 0n }).absolute(base + last);
    expect(good.load()).toMatchObject({ answer: 'loads', log: [] });
    const bad = new Demo(generation);
    bad.set(bad.spare, { type, symbol: bad.symbolAt(ABSOLUTE), addend: 0n }).absolute(base + first);
    expect(bad.load()).toMatchObject({ answer: 'ENOEXEC', log: [`module_64: tocsin_demo: ${message}`] });
  });

  it.each([
    ['TOC16_HA', 50, toc, 0x7fff_7fffn, 0x7fff_8000n, 'REL002'],
    ['REL16_HA', 252, place(), -0x8000_8000n, -0x8000_8001n, 'REL002'],
    ['ADDR32', 1, 0n, 0xffff_ffffn, 0x1_0000_0000n, 'REL001'],
  ] as const)('remarks on %s that says less than it should', (_name, type, base, last, first, code) => {
    const good = new Demo(generation);
    good.set(good.spare, { type, symbol: good.symbolAt(ABSOLUTE), addend: 0n }).absolute(base + last);
    expect(good.load().outcome.remarks).toEqual([]);
    const bad = new Demo(generation);
    bad.set(bad.spare, { type, symbol: bad.symbolAt(ABSOLUTE), addend: 0n }).absolute(base + first);
    const { answer, outcome } = bad.load();
    expect(answer).toBe('loads');
    expect(outcome.remarks.map(r => r.code)).toEqual([code]);
  });

  it.each([0, 11, 14, 116, 132, 133, 253, 4242])('refuses the type %i, which it does not know', type => {
    const demo = new Demo(generation);
    expect(demo.set(demo.spare, { type }).load()).toMatchObject({
      answer: 'ENOEXEC',
      log: [`module_64: tocsin_demo: Unknown ADD relocation: ${type}`],
    });
  });

  it('names the failure that comes first when they are sorted, not first in the file', () => {
    const demo = new Demo(generation);
    const later = demo.relocation(type => type === 50, 1);
    demo.set(demo.spare, { type: 11, symbol: 3 }).set(later, { type: 14, symbol: 4 });
    expect(demo.load().log).toEqual(['module_64: tocsin_demo: Unknown ADD relocation: 14']);
  });

  it('wants a nop after a call through a stub', () => {
    const demo = new Demo(generation);
    const call = demo.call('strcmp');
    demo.view.setUint32(demo.place(call) + 4, 0x38600000, true);
    const slot = text + demo.view.getBigUint64(call, true) + 4n;
    expect(demo.load()).toMatchObject({
      answer: 'ENOEXEC',
      log: [`module_64: tocsin_demo: Expected nop after call, got 38600000 at 0x${slot.toString(16)}`],
    });
  });

  it('takes a slot that is restored already only since 6.3', () => {
    const demo = new Demo(generation);
    demo.view.setUint32(demo.place(demo.call('strcmp')) + 4, 0xe8410018, true);
    expect(demo.load().answer).toBe(generation === '6.1' ? 'ENOEXEC' : 'loads');
  });

  it('takes a jump to an undefined symbol, which is remarked on', () => {
    const demo = new Demo(generation);
    const at = demo.place(demo.call('strcmp'));
    demo.view.setUint32(at, 0x48000000, true);
    demo.view.setUint32(at + 4, 0x38600000, true);
    const { answer, outcome } = demo.load();
    expect(answer).toBe('loads');
    expect(outcome.remarks.map(r => r.code)).toEqual(['REL004']);
  });

  it('makes one stub for each address, and restores r2 behind the calls', () => {
    const stubs = plain.stubs.filter(s => s.kind === 'call');
    expect(new Set(stubs.map(s => s.target)).size).toBe(stubs.length);
    const demo = new Demo(generation);
    const code = sectionOf(plain, '.text').bytes;
    const view = new DataView(code.buffer, code.byteOffset, code.length);
    const at = Number(demo.view.getBigUint64(demo.call('strcmp'), true));
    const target = text + BigInt(at + ((view.getInt32(at, true) << 6) >> 8) * 4);
    expect(stubs.find(s => s.address === target)?.name).toBe('strcmp');
    expect(view.getUint32(at + 4, true)).toBe(0xe8410018);
    const { address, bytes } = sectionOf(plain, '.stubs');
    const slot = new DataView(bytes.buffer, bytes.byteOffset + Number(target - address), 40);
    const distance = Number(target - toc);
    expect([0, 4, 8, 12, 16, 20, 28].map(o => slot.getUint32(o, true))).toEqual([
      0x3d620000 + ((distance + 0x8000) >> 16) + (distance < -0x8000 ? 0x10000 : 0),
      0x396b0000 + (distance & 0xffff),
      0xf8410018,
      0xe98b0020,
      0x7d8903a6,
      0x4e800420,
      0x73747562,
    ]);
    expect(slot.getBigUint64(32, true)).toBe(stubs.find(s => s.name === 'strcmp')!.target);
  });

  it('makes stubs for the tracer from the PACA', () => {
    const tracer = plain.stubs.filter(s => s.kind === 'tracer').map(s => s.name);
    expect(tracer.slice(-2)).toEqual(['ftrace_caller', 'ftrace_regs_caller']);
    const stub = plain.stubs.find(s => s.name === 'ftrace_caller')!;
    const { address, bytes } = sectionOf(plain, '.stubs');
    const slot = new DataView(bytes.buffer, bytes.byteOffset + Number(stub.address - address), 40);
    expect(slot.getUint32(0, true)).toBe(0xe98d0010);
    expect(slot.getUint32(8, true) >>> 16).toBe(0x398c);
  });

  it('calls places outside the section dangerous', () => {
    const demo = new Demo(generation);
    const { outcome } = demo.set(demo.spare, { offset: 0x40_0000_0000n }).load();
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toEqual(['REL106']);
  });

  it('calls symbols that do not exist dangerous', () => {
    const demo = new Demo(generation);
    const { outcome } = demo.set(demo.spare, { symbol: 0x1_0000 }).load();
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.map(r => r.code)).toEqual(['REL103']);
  });

  it('has no use for relocations without addends', () => {
    const demo = new Demo(generation);
    demo.header('.rela.text', SH.type, 9);
    expect(demo.load()).toMatchObject({ answer: 'ENOEXEC', log: ['module tocsin_demo: REL relocation unsupported'] });
  });

  it('leaves out relocations of sections that are not kept', () => {
    const demo = new Demo(generation);
    demo.header('.rela.text', SH.info, 0xffff);
    const { answer, outcome } = demo.load();
    expect(answer).toBe('loads');
    const start = demo.section('.text');
    expect(sectionOf(outcome.image!, '.text').bytes.subarray(8, 16)).toEqual(
      demo.bytes.slice(start.offset + 8, start.offset + 16),
    );
  });

  it('wants .stubs', () => {
    const demo = new Demo(generation);
    demo.rename('.stubs', '.stabs');
    expect(demo.load()).toMatchObject({ answer: 'ENOEXEC', log: ["module_64: tocsin_demo: doesn't contain .stubs."] });
  });

  it('tells which symbol it does not know', () => {
    const demo = new Demo(generation);
    expect(demo.load({ without: ['strcmp'] })).toMatchObject({
      answer: 'ENOENT',
      log: ['tocsin_demo: Unknown symbol strcmp (err -2)'],
    });
  });

  it('gives weak symbols that nobody has the address that they have', () => {
    const demo = new Demo(generation);
    const at = demo.symbol('strcmp') + 4;
    demo.view.setUint8(at, (demo.view.getUint8(at) & 0xf) | 0x20);
    const { answer, outcome } = demo.load({ without: ['strcmp'] });
    expect(answer).toBe('loads');
    expect(outcome.image!.symbols.find(s => s.name === 'strcmp')!.address).toBe(0n);
  });
});

it('rewrites the large-model entry only where both words are as they should be', () => {
  const good = new Demo('6.1');
  const at = good.relocation(type => type === 118);
  const offset = Number(good.view.getBigUint64(at, true));
  const word = (image: LoadedImage, o: number) => {
    const { bytes } = sectionOf(image, '.text');
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(o, true) >>> 16;
  };
  expect(word(plainImage('6.1'), offset)).toBe(0x3c4c);
  expect(word(plainImage('6.1'), offset + 4)).toBe(0x3842);
  const odd = new Demo('6.1');
  odd.view.setUint32(odd.place(at) + 4, 0x60000000, true);
  expect(word(odd.load().outcome.image!, offset)).toBe(0xe84c);
});
