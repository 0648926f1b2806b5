/**
 * Every byte of what tocsin writes, and of the objects that it makes and merges in, changed in several ways, one at a time: stock
 * modules patched in every way. The judge of patches (for the merged module in between: that of merges) lets through only what the
 * kernel has in memory byte for byte as without the change, and what can be reverted.
 */
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/read.ts';
import { readPatchNote } from '../../src/kernel/patch-note.ts';
import { InputError, RefusalError } from '../../src/util/errors.ts';
import { Expectation } from '../../src/verify/expectation.ts';
import { verifyMerge } from '../../src/verify/merged/verify-merge.ts';
import { rebuild } from '../../src/verify/restores.ts';
import { verifyOutput } from '../../src/verify/verify.ts';
import { placeOfByte, spoilEach } from '../unit/verify/support/every-byte.ts';
import { isSameInMemory } from '../unit/verify/support/harmless.ts';
import { exportsFor, refusals, withObject } from '../unit/verify/support/subjects.ts';
import { GENERATIONS } from './harness/harness.ts';
import { type StockSubject, smallModules, stockSubject, WAYS } from './judge/stock.ts';
import { figure, full } from './support/lab.ts';

/** Of each output (merged module, object) so many changes are tried, spread over all bytes. */
const OUTPUT = full ? 25_000 : 100;
const MERGED = full ? 10_000 : 50;
const OBJECT = full ? 2_000 : 12;
const MODULES = full ? 3 : 1;
/** A byte is changed in about so many ways. */
const PER_BYTE = 6;

interface Found {
  tried: number;
  refused: number;
  same: number;
  readonly harmful: string[];
}

/** @param accepts whether the judge lets the bytes through @param isHarmless why that may be */
function spoil(
  bytes: Uint8Array,
  count: number,
  accepts: (spoilt: Uint8Array) => boolean,
  isHarmless: (spoilt: Uint8Array) => boolean,
): Found {
  const found: Found = { tried: 0, refused: 0, same: 0, harmful: [] };
  const elf = readElf(bytes.slice());
  // A prime to the number of ways, so that no place is always changed in the same way.
  const every = Math.max(1, Math.floor((bytes.length * PER_BYTE) / count)) | 1;
  spoilEach(bytes, every, (spoilt, byte) => {
    found.tried++;
    if (!accepts(spoilt)) found.refused++;
    else if (isHarmless(spoilt.slice())) found.same++;
    else found.harmful.push(placeOfByte(elf, byte));
  });
  return found;
}

/** The note of the file gives the bytes back that were patched. */
function givesBack(file: Uint8Array, original: Uint8Array): boolean {
  const made = rebuild(readPatchNote(readElf(file))!.script, file, original.length);
  return made !== undefined && Buffer.compare(made, original) === 0;
}

function spoilOutput(given: StockSubject): Found {
  const { elf, bytes, plan, output, merge } = given;
  const expected = new Expectation({ elf, bytes }, plan, given.exports ?? exportsFor(merge?.objects ?? []));
  return spoil(
    output,
    OUTPUT,
    spoilt => verifyOutput(expected, spoilt).ok,
    spoilt => isSameInMemory(output, spoilt) && givesBack(spoilt, bytes),
  );
}

function spoilMerged({ merge, middle, plan }: StockSubject): Found {
  const { bytes } = middle!;
  return spoil(
    bytes,
    MERGED,
    spoilt => verifyMerge({ ...merge!, patch: plan }, spoilt).ok,
    spoilt => isSameInMemory(bytes, spoilt),
  );
}

/** Of an object that tocsin makes: all judges and the prover are asked about the patch with it. */
function spoilObject(given: StockSubject, n: number): Found {
  let made: Partial<StockSubject> = {};
  return spoil(
    given.merge!.objects[n]!.elf.bytes,
    OBJECT,
    spoilt => {
      try {
        made = withObject(given, n, spoilt.slice());
        return refusals(given, made).length === 0;
      } catch (error) {
        // Damaged, or nothing that could be merged: refused before anything is written.
        if (error instanceof InputError || error instanceof RefusalError) return false;
        throw error;
      }
    },
    spoilt => isSameInMemory(given.output, made.output!) || isOtherName(given.merge!.objects[n]!.elf.bytes, spoilt),
  );
}

/** Names, or beginnings of names, by which the kernel's loader tells sections apart. */
const KNOWN =
  /^(__|\.(init|exit|rela|modinfo|toc|stubs|got|plt|opd|note|gnu|data\.|bss\.|ctors|fini|static_call|klp|BTF|livepatch|codetag|orc|altinstr|parainstr))/;

/** The object is the same, but for what it calls a section of which the kernel asks only the flags. */
function isOtherName(honest: Uint8Array, spoilt: Uint8Array): boolean {
  const [a, b] = [readElf(honest), readElf(spoilt)];
  const table = a.sections[a.header.shstrndx]!;
  const inNames = (at: number) => at >= table.sh_offset && at < table.sh_offset + table.sh_size;
  if (honest.some((byte, at) => byte !== spoilt[at] && !inNames(at))) return false;
  return a.sections.every(({ name }, i) => {
    const other = b.sections[i]!.name;
    return other === name || !a.sections[i]!.isAllocated || !(KNOWN.test(name) || KNOWN.test(other) || other === '');
  });
}

/** Which of the merged objects are tocsin's own. */
const OWN = /^(shadow|shadow-stack|epilogues)\.o$|^exports of /;

describe.each(GENERATIONS)('stock modules of kernel %s', generation => {
  const modules = smallModules(generation, MODULES);

  it('are not accepted with a byte changed after the patch', { timeout: 3 * 3_600_000 }, () => {
    const total: Record<string, Found> = {};
    const add = (kind: string, name: string, found: Found) => {
      total[kind] ??= { tried: 0, refused: 0, same: 0, harmful: [] };
      total[kind].tried += found.tried;
      total[kind].refused += found.refused;
      total[kind].same += found.same;
      total[kind].harmful.push(...found.harmful.map(text => `${name}: ${text}`));
    };
    let patched = 0;
    for (const module of modules)
      for (const way of Object.keys(WAYS)) {
        const given = stockSubject(way, module, generation);
        if (given === undefined) continue;
        patched++;
        const name = `${module.split('/').at(-1)}, ${way}`;
        add('outputs', name, spoilOutput(given));
        if (given.merge === undefined) continue;
        add('merged modules', name, spoilMerged(given));
        for (const [n, object] of given.merge.objects.entries())
          if (OWN.test(object.name)) add('objects of its own', name, spoilObject(given, n));
      }
    for (const [kind, { tried, refused, same, harmful }] of Object.entries(total)) {
      const text = `${tried} changes of a byte, ${refused} refused, ${same} accepted, each with an argument`;
      figure(`spoilt ${kind}, ${generation}`, text);
      expect(harmful.slice(0, 20)).toEqual([]);
    }
    expect(patched).toBeGreaterThan(Object.keys(WAYS).length * modules.length * 0.75);
  });
});
