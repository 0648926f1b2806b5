/**
 * Kernels with CONFIG_PPC_KERNEL_PCREL, which no distribution has: a module that the compiler makes for POWER10 is loaded by the
 * twin, and its image held against the psABI's formulas, against GNU ld at the same addresses, and against what the
 * kernel's source says of stubs and GOT.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModule } from '../../../src/loader/load.ts';
import type { LoadedImage, LoadOutcome } from '../../../src/loader/model.ts';
import { decodeField } from '../../../src/ppc64/relocation-fields.ts';
import { type KnowledgeSpec, knowledge } from '../../support/kernel-knowledge.ts';
import { RawElf, type RawRelocation } from '../../support/raw-elf.ts';

const prefix = process.env.TOCSIN_CROSS ?? 'powerpc64le-linux-gnu-';
const BASE = 0xc008_0000_0020_0000n;
const STEXT = 0xc000_0000_0000_0000n;
const PERCPU = 0xc000_0000_0123_4500n;

const SPEC: KnowledgeSpec = {
  generation: '7.2',
  options: { pcrel: true, ftraceOutOfLine: false },
  symbols: { _stext: [STEXT], __per_cpu_start: [PERCPU] },
  exports: [
    { name: 'outside', address: 0xc000_0000_0010_1000n },
    { name: 'outside_data', address: 0xc000_0000_0150_2008n },
    { name: 'far_data', address: 0xc000_0000_0150_3000n },
  ],
};

const CODE = `
extern long outside(long), outside_data, far_data;
static long counter = 1;
long table[4] = { 1, 2, 3, 4 };
__attribute__((section(".data..percpu"))) long per_processor = 7;
__attribute__((noinline)) static long helper(long x) { counter += x; return counter; }
long pcrel_init(void) { return outside(helper(outside_data)) + table[2]; }
void pcrel_exit(void) { outside(far_data); outside_data = helper(1); }
long *address(int which) { return which ? &per_processor : table; }
`;

/** What the kernel's build adds to each module. */
const FRAME = (moduleSize: number, init: number, exit: number, vermagic: string) => `
  .section .modinfo,"a"
  .asciz "license=GPL"
  .asciz "name=pcrel"
  .asciz "intree=Y"
  .asciz "vermagic=${vermagic}"
  .section .stubs,"ax",@nobits
  .align 3
  .section .mygot,"aw",@nobits
  .align 3
  .section .gnu.linkonce.this_module,"aw"
  .align 7
  .zero 0x18
  .asciz "pcrel"
  .zero ${init} - 0x18 - 6
  .quad pcrel_init
  .zero ${exit} - ${init} - 8
  .quad pcrel_exit
  .zero ${moduleSize} - ${exit} - 8
`;

let folder = '';
let file = '';
let outcome: LoadOutcome;
let image: LoadedImage;
let elf: RawElf;

function load(bytes: Uint8Array, checkOnly = false): LoadOutcome {
  return loadModule({
    bytes,
    kernel: knowledge(SPEC),
    placement: { kind: 'base', base: BASE },
    modules: new Map(),
    checkOnly,
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tocsin-pcrel-'));
  const kernel = knowledge(SPEC);
  const { moduleSize, moduleFields } = kernel.structures;
  writeFileSync(join(folder, 'code.c'), CODE);
  writeFileSync(join(folder, 'frame.s'), FRAME(moduleSize, moduleFields.init!, moduleFields.exit!, kernel.vermagic));
  const flags = ['-O2', '-mcpu=power10', '-mpcrel', '-fno-pic', '-ffreestanding', '-fno-asynchronous-unwind-tables'];
  execFileSync(`${prefix}gcc`, [...flags, '-c', '-o', join(folder, 'code.o'), join(folder, 'code.c')]);
  execFileSync(`${prefix}as`, ['-mpower10', '-o', join(folder, 'frame.o'), join(folder, 'frame.s')]);
  file = join(folder, 'pcrel.ko');
  execFileSync(`${prefix}ld`, ['-r', '-o', file, join(folder, 'code.o'), join(folder, 'frame.o')]);
  const bytes = new Uint8Array(readFileSync(file));
  elf = new RawElf(bytes);
  outcome = load(bytes);
  expect(outcome.log.filter(line => line.level === 'err')).toEqual([]);
  expect(outcome).toMatchObject({ loads: true, dangerous: false });
  image = outcome.image!;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const section = (name: string) => image.sections.find(s => s.name === name)!;

function words(name: string, offset: number): { readonly first: number; readonly second: number } {
  const { bytes } = section(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { first: view.getUint32(offset, true), second: view.getUint32(offset + 4, true) };
}

const doubleword = (name: string, address: bigint) => {
  const { first, second } = words(name, Number(address - section(name).address));
  return (BigInt(second) << 32n) | BigInt(first);
};

/** Relocations of the code of one type, with the place that each leads to. */
function reached(type: number): { readonly relocation: RawRelocation; readonly symbol: string; readonly to: bigint }[] {
  return elf
    .relocations(elf.named('.rela.text'))
    .filter(relocation => relocation.type === type)
    .map(relocation => {
      const at = Number(relocation.offset);
      const P = section('.text').address + relocation.offset;
      return {
        relocation,
        symbol: elf.symbols[relocation.symbol]!.name,
        to: BigInt.asUintN(64, P + decodeField(type, words('.text', at))),
      };
    });
}

const addressOf = ({ symbol, addend }: RawRelocation) => {
  const raw = elf.symbols[symbol]!;
  const loaded = image.symbols[symbol - 1]!;
  expect(loaded.other).toBe(raw.other);
  return loaded.address + addend;
};

describe('a module of a kernel without a TOC', () => {
  it('has every kind of relocation that such kernels add', () => {
    for (const type of [116, 132, 133]) expect(reached(type).length, `type ${type}`).toBeGreaterThan(0);
  });

  it('reaches its own data by PCREL34, as the psABI has it', () => {
    const own = reached(132).filter(
      r => elf.symbols[r.relocation.symbol]!.section !== elf.named('.data..percpu').index,
    );
    for (const { relocation, to } of own) expect(to).toBe(addressOf(relocation));
  });

  it('reaches data of others, and per-cpu data, by an entry of .mygot', () => {
    const got = section('.mygot');
    const indirect = reached(133);
    for (const { relocation, to } of indirect) {
      expect(to).toBeGreaterThanOrEqual(got.address);
      expect(doubleword('.mygot', to)).toBe(addressOf(relocation));
    }
    const percpu = reached(132).filter(
      r => elf.symbols[r.relocation.symbol]!.section === elf.named('.data..percpu').index,
    );
    expect(percpu.length).toBeGreaterThan(0);
    for (const { relocation, to } of percpu) {
      expect(doubleword('.mygot', to)).toBe(PERCPU + relocation.addend + elf.symbols[relocation.symbol]!.value);
      // pla has become pld.
      expect(words('.text', Number(relocation.offset)).first >>> 24).toBe(0x04);
      expect(words('.text', Number(relocation.offset)).second >>> 26).toBe(57);
    }
  });

  it('calls others through stubs that need no r2', () => {
    const external = reached(116).filter(r => r.symbol === 'outside');
    expect(external.length).toBeGreaterThan(1);
    expect(new Set(external.map(r => r.to)).size).toBe(1);
    const stub = external[0]!.to;
    expect(image.stubs.find(s => s.address === stub)).toMatchObject({ kind: 'call', name: 'outside' });
    const at = Number(stub - section('.stubs').address);
    expect(words('.stubs', at)).toEqual({ first: 0x04100000, second: 0xe5800020 });
    expect(words('.stubs', at + 8)).toEqual({ first: 0x7d8903a6, second: 0x4e800420 });
    expect(doubleword('.stubs', stub + 32n)).toBe(0xc000_0000_0010_1000n);
  });

  it("reaches the tracer's entries from the kernel's base", () => {
    const stub = image.stubs.find(s => s.name === 'ftrace_caller')!;
    const at = Number(stub.address - section('.stubs').address);
    expect(words('.stubs', at)).toEqual({ first: 0xe98d0018, second: 0x60000000 });
    const paddi = words('.stubs', at + 8);
    expect([paddi.first >>> 18, paddi.second >>> 16]).toEqual([0x06000000 >>> 18, 0x398c]);
    expect(STEXT + decodeField(132, paddi)).toBe(stub.target);
  });

  it('is linked to the same bytes by GNU ld at the same addresses', () => {
    const out = join(folder, 'linked');
    const script = join(folder, 'script.ld');
    const places = ['.text', '.data', '.bss']
      .filter(name => image.sections.some(s => s.name === name && s.size > 0))
      .map(name => `  ${name} 0x${section(name).address.toString(16)} : { *(${name}) }\n`);
    writeFileSync(
      script,
      `SECTIONS {\n${places.join('')}    .data..percpu : { *(.data..percpu) }\n  /DISCARD/ : { *(.modinfo .stubs .mygot .gnu.linkonce.*) }\n}\n`,
    );
    const near = section('.text').address + 0x10_0000n;
    const symbols = ['outside', 'outside_data', 'far_data'].map(
      (name, i) => `--defsym=${name}=0x${(near + BigInt(i * 64)).toString(16)}`,
    );
    execFileSync(
      `${prefix}ld`,
      [
        '--no-pcrel-optimize',
        '--no-warn-rwx-segments',
        '-e',
        '0',
        '-T',
        script,
        ...symbols,
        '-o',
        out,
        join(folder, 'code.o'),
      ],
      { stdio: 'pipe' },
    );
    const binary = join(folder, 'text.bin');
    execFileSync(`${prefix}objcopy`, ['-O', 'binary', '-j', '.text', out, binary]);
    const linked = readFileSync(binary);
    let compared = 0;
    for (const { relocation, symbol } of [...reached(132), ...reached(116)]) {
      const home = elf.symbols[relocation.symbol]!.section;
      if (symbol === 'outside' || home === elf.named('.data..percpu').index) continue;
      const at = Number(relocation.offset);
      const mine = words('.text', at);
      expect(mine.first, `${symbol} at ${at}`).toBe(linked.readUInt32LE(at));
      if (relocation.type === 132) expect(mine.second).toBe(linked.readUInt32LE(at + 4));
      compared++;
    }
    expect(compared).toBeGreaterThan(2);
  });
});

describe('what such a kernel refuses', () => {
  const damaged = (change: (view: DataView, bytes: Uint8Array) => void) => {
    const bytes = new Uint8Array(readFileSync(file));
    change(new DataView(bytes.buffer), bytes);
    const answer = load(bytes);
    expect(load(bytes, true)).toMatchObject({ loads: answer.loads, log: answer.log });
    return { loads: answer.loads, log: answer.log.filter(l => l.level === 'err').map(l => l.text) };
  };
  const firstOf = (type: number) => {
    const table = elf.named('.rela.text');
    const i = elf.relocations(table).findIndex(r => r.type === type);
    return table.offset + i * 24;
  };

  it('is a TOC relocation', () => {
    expect(damaged(view => view.setUint32(firstOf(132) + 8, 50, true))).toEqual({
      loads: false,
      log: ['module_64: pcrel: Unknown ADD relocation: 50'],
    });
  });

  it('is a distance of more than 34 bits', () => {
    const at = firstOf(132);
    const { offset, symbol, addend } = elf.relocations(elf.named('.rela.text')).find(r => r.type === 132)!;
    const distance = addressOf({ offset, symbol, addend, type: 132 }) - (section('.text').address + offset);
    const last = 0x1_ffff_ffffn - distance + addend;
    expect(damaged(view => view.setBigInt64(at + 16, last, true))).toEqual({ loads: true, log: [] });
    expect(damaged(view => view.setBigInt64(at + 16, last + 1n, true))).toEqual({
      loads: false,
      log: ['module_64: pcrel: REL34 8589934592 out of range!'],
    });
  });

  it('is a module without .mygot', () => {
    const names = elf.named('.shstrtab');
    const at = names.offset + Buffer.from(names.contents).indexOf('.mygot');
    expect(damaged((_, bytes) => bytes.set(Buffer.from('.nogot'), at))).toEqual({
      loads: false,
      log: ["module_64: pcrel: doesn't contain .mygot."],
    });
  });
});
