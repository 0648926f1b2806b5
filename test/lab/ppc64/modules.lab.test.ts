/**
 * The text of stock kernel modules, instruction by instruction as GNU objdump prints it. Nothing but white space and the
 * names in angle brackets is made equal first.
 *
 * `TOCSIN_LAB_MODULES` sets how many modules are read (500 of Debian 6.1's 3,126 unless told; they are spread evenly).
 * Measured on all of them: no difference.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCapstone } from '../../../src/report/disassembly/capstone.ts';
import { disassembleNow } from '../../../src/report/disassembly/disassemble.ts';
import { labCache, type ObjdumpLine, objdumpModule } from './tools.ts';

const root = process.env.TOCSIN_LAB_MODULE_ROOT ?? join(labCache, 'bookworm/lib/modules');
const wanted = Number(process.env.TOCSIN_LAB_MODULES ?? 500);

function moduleFiles(): readonly string[] {
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ko'));
  all.sort();
  const step = Math.max(1, Math.floor(all.length / wanted));
  return all.filter((_, at) => at % step === 0).map(name => join(root, name));
}

/** Runs of lines whose addresses follow each other: the sections of a module. */
function* ranges(lines: readonly ObjdumpLine[]): Generator<readonly ObjdumpLine[]> {
  let start = 0;
  for (let at = 1; at <= lines.length; at++) {
    const before = lines[at - 1] as ObjdumpLine;
    if (lines[at]?.address === before.address + BigInt(before.words.length * 4)) continue;
    yield lines.slice(start, at);
    start = at;
  }
}

/** White space and the names of targets made equal; objdump writes `0x` before a target that has no name. */
function comparable(text: string): string {
  const bare = text
    .replaceAll(/ <[^>]*>/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return /^b/.test(bare) ? bare.replace(/([ ,])0x/, '$1') : bare;
}

describe.skipIf(!existsSync(root))('modules as objdump prints them', () => {
  it('reads at least 99.9 % alike, at least 99.5 % from the table', { timeout: 3_600_000 }, async () => {
    const counts = { table: 0, capstone: 0, data: 0 };
    const differences: string[] = [];
    let instructions = 0;
    let named = 0;
    const files = moduleFiles();
    const fallback = await loadCapstone();
    for (const file of files) {
      for (const range of ranges(await objdumpModule(file))) {
        const words = range.flatMap(line => line.words);
        const { lines, counts: own } = disassembleNow(words, (range[0] as ObjdumpLine).address, {
          target: address => address.toString(16),
          fallback,
        });
        for (const source of ['table', 'capstone', 'data'] as const) counts[source] += own[source];
        instructions += range.length;
        expect(lines.length, file).toBe(range.length);
        for (const [
          at,
          {
            text,
            address,
            source,
            words: [word],
          },
        ] of lines.entries()) {
          const theirs = (range[at] as ObjdumpLine).text;
          if (source !== 'table' && !theirs.startsWith('.long')) named++;
          if (comparable(text) !== comparable(theirs))
            differences.push(`${file} ${address.toString(16)} ${word?.toString(16)}: "${theirs}", here "${text}"`);
        }
      }
    }
    const words = counts.table + counts.capstone + counts.data;
    console.log(
      `${files.length} modules, ${instructions} instructions in ${words} words: ${differences.length} differ; ` +
        `table ${counts.table}, capstone ${counts.capstone}, .long ${counts.data} words`,
    );
    console.log(differences.slice(0, 20).join('\n'));
    expect(differences.length / instructions).toBeLessThanOrEqual(0.001);
    // Padding and the doublewords before functions are no instructions: what objdump calls `.long` cannot be in the table.
    expect(named / instructions).toBeLessThanOrEqual(0.005);
  });
});
