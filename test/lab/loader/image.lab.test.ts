// The kernel's memory after it loaded its own modules, against the twin's image: where every section lies, from the bases
// of the memory areas alone, and every byte, from these and from the sections' addresses.
//
// The memory was captured by a module notifier, after relocation, tracer, feature fixups and jump labels and before the
// module's own code (README.md of this folder).

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModule } from '../../../src/loader/load.ts';
import type { LoadOutcome, Placement } from '../../../src/loader/model.ts';
import { GENERATIONS, type Generation } from '../harness/harness.ts';
import { figure, full, some } from '../support/lab.ts';
import { type CaptureSet, capture } from './capture.ts';
import { compareImage, compareLayout, type ImageCounts, noCounts } from './compare-image.ts';
import { type CapturedModule, capturedModules, captureIndex } from './dumps.ts';
import { isOfTheLoader } from './log-lines.ts';
import { basesOf, knowledge, Loaded } from './twin.ts';

const SET: CaptureSet = full ? 'full' : 'sample';
/** Modules that must at least have been loaded and compared. */
const AT_LEAST: Readonly<Record<Generation, number>> = full
  ? { '6.1': 3000, '6.12': 1500, '7.2': 1500 }
  : { '6.1': 150, '6.12': 150, '7.2': 150 };
/** Share of the text that may be left out, because only the machine knows it. */
const EXCLUDED_TEXT = 0.005;

describe.each(GENERATIONS)('kernel %s', generation => {
  const counts = noCounts();
  const complaints: string[] = [];
  let modules = 0;
  let refused = 0;

  beforeAll(async () => {
    const index = captureIndex(await capture(generation, SET));
    refused = index.modules.filter(module => module.errno !== 0).length;
    const loaded = new Loaded();
    for (const module of capturedModules(generation, SET)) {
      modules++;
      complaints.push(...compare(generation, module, loaded, counts));
    }
    note(generation, modules, counts);
  });

  afterAll(() => {
    if (complaints.length > 0) console.log(complaints.slice(0, 100).join('\n'));
  });

  it('loaded as many modules as wanted, and refused none', () => {
    expect(refused).toBe(0);
    expect(modules).toBeGreaterThanOrEqual(AT_LEAST[generation]);
  });

  it('holds what the twin says, byte for byte', () => {
    expect(some(complaints)).toEqual([]);
    expect(counts.compared).toBeGreaterThan(1_000_000);
  });

  it('would notice one bit', () => {
    const module = first(generation);
    const loaded = new Loaded();
    expect(compare(generation, module, loaded, noCounts())).toEqual([]);
    const text = module.sections.get('.text')!;
    const area = module.areas.find(({ base, bytes }) => text >= base && text < base + BigInt(bytes.length))!;
    area.bytes[Number(text - area.base)]! ^= 1;
    expect(some(compare(generation, module, new Loaded(), noCounts()))).toHaveLength(2);
  });

  it('leaves little of the text to the machine', () => {
    expect(counts.textExcluded / counts.text).toBeLessThan(EXCLUDED_TEXT);
  });
});

function compare(generation: Generation, module: CapturedModule, loaded: Loaded, counts: ImageCounts): string[] {
  const bytes = readFileSync(module.file);
  const ask = (placement: Placement): LoadOutcome =>
    loadModule({
      bytes,
      kernel: knowledge(generation),
      placement,
      modules: loaded.modules,
      exporter: symbol => loaded.exporter(symbol),
      // capture.ko was loaded first.
      taints: ['oot', 'unsigned notice'],
    });
  const percpu = module.percpu?.base;
  const bases = new Map(module.areas.map(({ kind, base }) => [kind, base]));
  const fromBases = ask(basesOf(percpu === undefined ? bases : new Map([...bases, ['percpu', percpu]])));
  // sysfs does not show where the per-cpu part is.
  const sections = percpu === undefined ? module.sections : new Map([...module.sections, ['.data..percpu', percpu]]);
  const fromSections = ask({ kind: 'sections', addresses: sections });
  loaded.add(fromBases);
  if (!fromBases.image || !fromSections.image) return [`${module.name}: the twin refuses it: ${texts(fromBases)}`];
  return [
    ...(texts(fromBases) === module.log.filter(isOfTheLoader).join('\n')
      ? []
      : [`${module.name}: the log differs: ${texts(fromBases)}`]),
    ...(fromBases.dangerous ? [`${module.name}: the twin calls it dangerous`] : []),
    ...compareLayout(module, fromBases.image),
    ...compareImage(module, fromBases.image, counts),
    ...compareImage(module, fromSections.image, noCounts()).map(text => `from sections: ${text}`),
  ];
}

/** A module that needs none of the others. */
function first(generation: Generation): CapturedModule {
  for (const module of capturedModules(generation, SET)) return module;
  throw new Error(`no module of ${generation} was captured`);
}

function texts(outcome: LoadOutcome): string {
  return outcome.log.map(line => line.text).join('\n');
}

function note(generation: Generation, modules: number, counts: ImageCounts): void {
  figure(`${generation}: modules whose memory equals the twin's image, compared`, modules);
  figure(`${generation}: bytes compared, by bases and again by sections`, counts.compared);
  figure(`${generation}: symbols compared`, counts.symbols);
  figure(`${generation}: share of the text left out`, `${((100 * counts.textExcluded) / counts.text).toFixed(3)} %`);
  for (const [reason, bytes] of counts.excluded) figure(`${generation}: bytes left out: ${reason}`, bytes);
}
