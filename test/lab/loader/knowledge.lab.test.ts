// What tocsin knows of three real kernels, against everything else that knows it: Module.symvers, nm, modinfo, readelf, the
// compiler with the kernel's own headers, and the kernel's configuration.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openKernel } from '../../../src/cli/kernel-option.ts';
import { readElf } from '../../../src/elf/read.ts';
import { buildKernel } from '../../../src/kernel/knowledge/build.ts';
import { dwarfStructures } from '../../../src/kernel/knowledge/dwarf.ts';
import type { KernelKnowledge } from '../../../src/kernel/knowledge/model.ts';
import { encodeIndex, openIndex } from '../../../src/kernel/knowledge/store.ts';
import { GENERATIONS, type Kernel, kernel } from '../harness/harness.ts';
import { figure, sample, some } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';
import { tocsinDone } from '../support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-knowledge-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const PREFIX = 'powerpc64le-linux-gnu-';
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'ignore'] });

/** Address, type letter and name of each symbol, as nm prints them. */
function nm(path: string): [address: bigint, type: string, name: string][] {
  return run(`${PREFIX}nm`, '-n', path)
    .split('\n')
    .flatMap(line => {
      const [, address, type, name] = /^([0-9a-f]{16}) (\S) (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[BigInt(`0x${address}`), type!, name] as [bigint, string, string]];
    });
}

/** What scripts/mksysmap leaves out of a System.map. */
const LEFT_OUT = /^(\$|\.L|__crc_|__kstrtab_|__kstrtabns_)/;
const inSystemMap = ([, type, name]: readonly [bigint, string, string]) => !/[aNUw]/.test(type) && !LEFT_OUT.test(name);

function knowledgeOf(of: Kernel, withConfig: boolean): KernelKnowledge {
  const image = readFileSync(of.vmlinux);
  return openIndex(encodeIndex(buildKernel({ image, ...(withConfig ? { config: readFileSync(of.config) } : {}) })));
}

describe.each(GENERATIONS)('%s', generation => {
  const of = kernel(generation);
  const known = knowledgeOf(of, true);

  it('exports what Module.symvers lists, with its checksums, licences and namespaces', () => {
    const lines = readFileSync(of.symvers, 'utf8').trimEnd().split('\n');
    const listed = lines.map(line => line.split('\t')).filter(fields => fields[2] === 'vmlinux');
    const complaints: string[] = [];
    for (const [crc, name, , kind, namespace] of listed) {
      const at = known.exports.find(name!);
      const own = [
        known.exports.crc(at) ?? 0,
        known.exports.gplOnly(at) ? 'EXPORT_SYMBOL_GPL' : 'EXPORT_SYMBOL',
        known.exports.namespace(at),
      ];
      const said = [Number(crc), kind, namespace ?? ''];
      if (at < 0 || own.join() !== said.join()) complaints.push(`${name}: ${own.join()} instead of ${said.join()}`);
    }
    expect(some(complaints)).toEqual([]);
    expect(known.exports.count).toBe(listed.length);
    expect(listed.length).toBeGreaterThan(9000);
    figure(`knowledge ${generation}: exports`, listed.length);
  });

  it('gives every symbol and export the address that nm gives it', () => {
    const all = nm(of.vmlinux);
    const byName = new Map<string, bigint[]>();
    for (const symbol of all.filter(inSystemMap)) {
      const list = byName.get(symbol[2]);
      if (list === undefined) byName.set(symbol[2], [symbol[0]]);
      else list.push(symbol[0]);
    }
    const complaints: string[] = [];
    for (const [name, addresses] of byName)
      if (known.symbols.find(name).join() !== addresses.join())
        complaints.push(`${name}: ${known.symbols.find(name).join()} instead of ${addresses.join()}`);
    for (let i = 0; i < known.exports.count; i++) {
      const name = known.exports.name(i);
      if (byName.get(name)?.includes(known.exports.address(i)) !== true) complaints.push(`export ${name}`);
    }
    expect(some(complaints)).toEqual([]);
    expect(known.symbols.count).toBe(byName.size);
    expect(known.toc).toBe(all.find(symbol => symbol[2] === '.TOC.')![0]);
    figure(`knowledge ${generation}: names with their addresses`, byName.size);
  });

  it('names release, vermagic and build id as its modules and readelf do', () => {
    expect(known.release).toBe(of.release);
    for (const path of sample(of.modules, 10))
      expect(run('modinfo', '-F', 'vermagic', path)).toBe(`${known.vermagic}\n`);
    expect(run(`${PREFIX}readelf`, '-n', of.vmlinux)).toContain(`Build ID: ${known.buildId}`);
  });

  it('knows the size of struct module, and where init and exit are', () => {
    const { moduleSize, moduleFields } = known.structures;
    let looked = 0;
    for (const { plain } of sample(plainModulesOf(of), 40)) {
      const section = run(`${PREFIX}readelf`, '-SW', plain)
        .split('\n')
        .find(line => / \.gnu\.linkonce\.this_module +PROGBITS/.test(line))!;
      expect(Number.parseInt(/PROGBITS +\w+ \w+ (\w+)/.exec(section)![1]!, 16)).toBe(moduleSize);
      const relocations = run(`${PREFIX}objdump`, '-r', '-j', '.gnu.linkonce.this_module', plain);
      for (const [, offset, name] of relocations.matchAll(/^([0-9a-f]{16}) R_PPC64_ADDR64 +(init|cleanup)_module$/gm)) {
        expect(Number.parseInt(offset!, 16)).toBe(moduleFields[name === 'init' ? 'init' : 'exit']);
        looked++;
      }
    }
    expect(looked).toBeGreaterThan(40);
  });

  it('knows sizes and offsets as the compiler does with the headers of the kernel', () => {
    const out = join(scratch, `structures-${generation}`);
    const lab = resolve(import.meta.dirname, '..');
    run(join(lab, 'harness/build-module'), generation, out, join(lab, 'loader/structures'));
    const path = join(out, 'structures.ko');
    const elf = readElf(readFileSync(path));
    let compared = 0;
    for (const [, type, name] of nm(path)) {
      const [, kind, what] = /^(size|offset)__(.*)$/.exec(name) ?? [];
      if (what === undefined) continue;
      expect(type).toBe('R');
      const at = elf.symbols!.find(name);
      const section = elf.sections[elf.symbols!.sectionOf(at)]!;
      const value = Number(Buffer.from(elf.contents(section)).readBigUInt64LE(elf.symbols!.value(at)));
      const own =
        kind === 'size' ? known.structures.sizes[what] : known.structures.moduleFields[what.replace('__', '.')];
      // A structure without a variable of its type has no BTF.
      expect([name, own], name).toEqual([name, value]);
      compared++;
    }
    expect(compared).toBeGreaterThan(60);
    figure(`knowledge ${generation}: sizes and offsets, from ${known.structures.source}`, compared);
  });

  it('tells from the image alone what the configuration says', () => {
    const derived = knowledgeOf(of, false);
    expect(derived.options).toEqual(known.options);
    expect(derived.assumptions.length).toBeGreaterThan(known.assumptions.length);
  });

  it('is the same for a stripped image with its System.map', () => {
    const stripped = join(scratch, `stripped-${generation}`);
    run(`${PREFIX}strip`, '-o', stripped, of.vmlinux);
    const map = nm(of.vmlinux).filter(inSystemMap);
    const systemMap = Buffer.from(
      map.map(([address, type, name]) => `${address.toString(16).padStart(16, '0')} ${type} ${name}\n`).join(''),
    );
    const sources = { image: readFileSync(stripped), config: readFileSync(of.config) };
    const parts = buildKernel({ ...sources, systemMap });
    const same = openIndex(encodeIndex(parts));
    expect([same.vermagic, same.buildId, same.toc, same.options]).toEqual([
      known.vermagic,
      known.buildId,
      known.toc,
      known.options,
    ]);
    expect(same.structures).toEqual(known.structures);
    expect([same.exports.count, same.symbols.count]).toEqual([known.exports.count, known.symbols.count]);
    for (let i = 0; i < known.exports.count; i += 17) {
      const at = same.exports.find(known.exports.name(i));
      expect(same.exports.address(at)).toBe(known.exports.address(i));
    }
    expect(() => buildKernel(sources)).toThrow('KER015');
  });

  it('is made in time, from an unpacked tree, and kept', async () => {
    const cacheFolder = join(scratch, `cache-${generation}`);
    const started = performance.now();
    const made = await openKernel(of.folder, { cacheFolder });
    const making = performance.now() - started;
    const before = performance.now();
    const kept = await openKernel(of.modulesFolder, { cacheFolder });
    const opening = performance.now() - before;
    expect([made.release, kept.release]).toEqual([of.release, of.release]);
    expect(kept.symbols.find('_stext')).toEqual(known.symbols.find('_stext'));
    figure(`knowledge ${generation}: made, Module.symvers compared`, `${making.toFixed(0)} ms`);
    figure(`knowledge ${generation}: opened from the cache`, `${opening.toFixed(1)} ms`);
    expect(making).toBeLessThan(6000);
  });

  it('can be written by the command line and opened again', async () => {
    const index = join(scratch, `${generation}.index`);
    const { stdout } = await tocsinDone('kernel', of.vmlinux, '--symvers', of.symvers, '-o', index, '--format', 'json');
    const document = JSON.parse(stdout) as { release: string; exports: { count: number } };
    expect([document.release, document.exports.count]).toEqual([of.release, known.exports.count]);
    expect((await openKernel(index)).vermagic).toBe(known.vermagic);
  });
});

describe('DWARF', () => {
  const source = `
    struct inner { char c; long l; };
    struct module { int state; union { long init; int low; }; unsigned flag : 3; struct inner arch; struct inner more[3]; };
    struct module global;
    const unsigned long size = sizeof(struct module), arch = __builtin_offsetof(struct module, arch),
      init = __builtin_offsetof(struct module, init), more = __builtin_offsetof(struct module, more);
    int _start(struct module *m) { return m->state + (int) size + (int) arch + (int) init + (int) more; }`;

  it.each(['-gdwarf-2', '-gdwarf-3', '-gdwarf-4', '-gdwarf-5', '-gdwarf-5 -gz=zlib'])('%s of gcc', flags => {
    const file = join(scratch, 'dwarf.c');
    const out = join(scratch, 'dwarf');
    writeFileSync(file, source);
    const options = ['-O1', '-nostdlib', '-static', '-mcpu=power8', ...flags.split(' '), '-o', out, file];
    run(`${PREFIX}gcc`, ...options);
    const elf = readElf(readFileSync(out));
    const module = dwarfStructures(elf, new Set(['module', 'inner']))!.get('module')!;
    const value = (name: string) => {
      const at = elf.symbols!.find(name);
      const section = elf.sections[elf.symbols!.sectionOf(at)]!;
      const offset = Number(elf.symbols!.address(at) - section.sh_addr);
      return Number(Buffer.from(elf.contents(section)).readBigUInt64LE(offset));
    };
    expect(module.size).toBe(value('size'));
    for (const name of ['arch', 'init', 'more']) expect(module.members.get(name)).toBe(value(name));
    expect(module.members.get('low')).toBe(value('init'));
    expect(module.nested.get('arch')).toBe('inner');
  });
});
