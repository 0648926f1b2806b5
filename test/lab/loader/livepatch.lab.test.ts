// Livepatches in a booted kernel with CONFIG_LIVEPATCH, against the twin: the kernel's own samples and tests, and livepatches
// with relocations for the kernel and for a module, good and broken, before and after the module that they patch is loaded.
// After every step errno, messages, and the bytes of all code and read-only data of the modules are compared.
//
// The kernel takes long to build: without --full this runs only where it is in the cache. Two machines share the scenarios.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KernelKnowledge } from '../../../src/kernel/knowledge/model.ts';
import { loadModule } from '../../../src/loader/load.ts';
import type {
  LoadedImage,
  LoadedModule,
  LoadedSection,
  LoadOutcome,
  Placement,
  Taint,
} from '../../../src/loader/model.ts';
import { cacheFolder } from '../harness/harness.ts';
import { figure, full, some } from '../support/lab.ts';
import { isThere, kernelModules, livepatchKnowledge, makeKernel, ownModules } from './livepatch/kernel.ts';
import { type Run, run, type Scenario, type Step, type StepAnswer, type Wanted } from './livepatch/machine.ts';
import { convert, renamed, variants } from './livepatch/variants.ts';

const leftOut = !full && !isThere();
if (leftOut)
  console.log(
    'livepatch: left out, because its kernel is not in the cache (test/lab/harness/livepatch-kernel builds it; so does --full)',
  );

const SHF_WRITE = 1;
const MACHINES = 2;

const load = (what: string, parameters = ''): Step => ({ action: 'load', what, parameters });
const unload = (what: string): Step => ({ action: 'unload', what });

/** The kernel's own, as its self tests use them. */
const KERNELS_OWN: readonly Scenario[] = [
  ...['test_klp_livepatch', 'livepatch-sample'].map(name => ({
    name,
    steps: [load(name), unload(name.replaceAll('-', '_'))],
  })),
  {
    name: 'replacing',
    steps: [
      load('test_klp_livepatch'),
      load('test_klp_atomic_replace', 'replace=0'),
      unload('test_klp_atomic_replace'),
      load('test_klp_atomic_replace', 'replace=1'),
      unload('test_klp_livepatch'),
      unload('test_klp_atomic_replace'),
    ],
  },
  ...(
    [
      ['test_klp_callbacks_demo', 'test_klp_callbacks_mod', 'test_klp_callbacks_busy'],
      ['livepatch-callbacks-demo', 'livepatch-callbacks-mod', 'livepatch-callbacks-busymod'],
      ['livepatch-shadow-fix1', 'livepatch-shadow-mod', 'livepatch-shadow-fix2'],
    ] as const
  ).flatMap(list => {
    const [patch, target, other] = list.map(name => name.replaceAll('-', '_')) as [string, string, string];
    return [
      {
        name: `${patch} after`,
        steps: [load(list[1]), load(list[2]), load(list[0]), unload(patch), unload(other), unload(target)],
      },
      {
        name: `${patch} before`,
        steps: [
          load(list[0]),
          // It waits for its own work, which the patched function never begins.
          ...(list[2] === 'test_klp_callbacks_busy' ? [] : [load(list[2])]),
          load(list[1]),
          unload(target),
          load(list[1]),
          ...(list[2] === 'test_klp_callbacks_busy' ? [] : [unload(other)]),
          unload(patch),
          unload(target),
        ],
      },
    ];
  }),
  { name: 'shadow variables', steps: [load('test_klp_shadow_vars'), unload('test_klp_shadow_vars')] },
  {
    name: 'two demos',
    steps: [
      load('test_klp_callbacks_demo'),
      load('test_klp_callbacks_demo2'),
      unload('test_klp_callbacks_demo2'),
      unload('test_klp_callbacks_demo'),
    ],
  },
  {
    name: 'states',
    steps: [
      load('test_klp_state'),
      load('test_klp_state2'),
      load('test_klp_state3'),
      load('test_klp_state'),
      load('test_klp_livepatch'),
      unload('test_klp_livepatch'),
      unload('test_klp_state3'),
      unload('test_klp_state2'),
      unload('test_klp_state'),
    ],
  },
];

/** Each livepatch of klp_target after it and before it; what was refused is not there to be unloaded. */
function around(file: string): readonly Scenario[] {
  const calls = ['fix-good', 'fix-first', 'fix-blank-position'].includes(file);
  return [
    {
      name: `${file} after its target`,
      steps: [load('klp_target'), load(file), unload('klp_fix'), unload('klp_target')],
      calls,
    },
    {
      name: `${file} before its target`,
      steps: [load(file), load('klp_target'), unload('klp_fix'), unload('klp_target')],
      calls,
    },
  ];
}

const OWN: readonly Scenario[] = [
  // The call was completed already when the module comes again.
  {
    name: 'twice',
    steps: [
      load('fix-good'),
      load('klp_target'),
      unload('klp_target'),
      load('klp_target'),
      unload('klp_fix'),
      unload('klp_target'),
    ],
  },
  { name: 'not marked', steps: [load('klp_plain')] },
  { name: 'called vmlinux', steps: [load('vmlinux')] },
];

describe.skipIf(leftOut)('livepatches', () => {
  const complaints: string[] = [];
  const counts = new Counts();
  let scenarios: readonly Scenario[];
  let machines: readonly Run[];
  let answers: readonly (readonly StepAnswer[])[];
  let dangers: readonly (readonly [name: string, dangerous: boolean])[];

  beforeAll(async () => {
    if (!isThere()) makeKernel();
    const kernel = livepatchKnowledge();
    const own = ownModules();
    const fix = own.get('klp_fix')!;
    const made = variants(fix);
    const files = new Map<string, Uint8Array>([...kernelModules(), ...own]);
    for (const { name, bytes } of made) files.set(name, bytes);
    files.set('fix-other-function', convert(renamed(fix, 'klp_compute', 'klp_compote')));
    files.set('fix-other-module', convert(renamed(fix, 'klp_target', 'klp_nobody')));
    files.set(
      'sample-other-function',
      renamed(kernelModules().get('livepatch-sample')!, 'cmdline_proc_show', 'cmdline_proc_shew'),
    );
    files.set('vmlinux', called(own.get('klp_target')!, 'klp_target', 'vmlinux'));
    const safe = made.filter(variant => variant.dangerous !== true).map(variant => variant.name);
    scenarios = [
      ...KERNELS_OWN,
      ...OWN,
      { name: 'sample-other-function', steps: [load('sample-other-function')] },
      ...[...safe, 'fix-other-function', 'fix-other-module'].flatMap(around),
    ];
    const wanted = wantedOf(kernel, files);
    const shares = Array.from({ length: MACHINES }, (_, which) => scenarios.filter((_, at) => at % MACHINES === which));
    machines = await Promise.all(shares.map(share => run(share, files, wanted)));
    mkdirSync(join(cacheFolder, 'log'), { recursive: true });
    for (const [which, { boot }] of machines.entries())
      writeFileSync(join(cacheFolder, 'log', `livepatch-${which + 1}`), boot.console);
    answers = scenarios.map((_, at) => machines[at % MACHINES]!.answers[Math.floor(at / MACHINES)] ?? []);
    const twins = machines.map(() => new Twin(kernel, files, counts));
    for (const [at, scenario] of scenarios.entries()) {
      const twin = twins[at % MACHINES]!;
      twin.begin();
      for (const [i, step] of scenario.steps.entries()) {
        const answer = answers[at]![i];
        const where = `${scenario.name}, step ${i + 1} (${step.action} ${step.what})`;
        if (answer === undefined) complaints.push(`${where}: no answer`);
        else complaints.push(...twin.step(step, answer).map(text => `${where}: ${text}`));
      }
    }
    dangers = made.filter(variant => variant.dangerous).map(({ name }) => [name, twins[0]!.isDangerous(name)] as const);
    figure('livepatch: scenarios', scenarios.length);
    figure('livepatch: seconds', Math.round(Math.max(...machines.map(({ boot }) => boot.seconds))));
    figure('livepatch: steps (a module is loaded or unloaded) compared', counts.steps);
    figure('livepatch: of these, refused by the kernel', counts.refused);
    figure('livepatch: bytes of code and read-only data compared', counts.bytes);
    if (complaints.length > 0) console.log(complaints.slice(0, 60).join('\n'));
  });

  it('are answered as the kernel does', () => {
    expect(machines.map(({ boot }) => boot.exitStatus)).toEqual(machines.map(() => 0));
    expect(answers.map(list => list.length)).toEqual(scenarios.map(({ steps }) => steps.length));
    expect(some(complaints)).toEqual([]);
    expect(counts.refused).toBeGreaterThan(40);
    expect(counts.bytes).toBeGreaterThan(50_000);
  });

  it('patch what they should', () => {
    // klp_same(1) + 40 + klp_same(0) of the target; patched, (1 + 100) * 1000 + 40 and 0 + 100.
    expect(new Set(counts.results)).toEqual(new Set(['142', '101140', '2041']));
  });

  it('are called dangerous where they would corrupt the kernel', () => {
    expect(dangers).toEqual(dangers.map(([name]) => [name, true]));
    expect(dangers.length).toBeGreaterThan(0);
  });
});

/** The module with another name, in its structure and its information. */
function called(module: Uint8Array, from: string, to: string): Uint8Array {
  const bytes = Buffer.from(module);
  const name = Buffer.from(`${to}\0`.padEnd(from.length + 1, '\0'));
  for (let at = bytes.indexOf(`${from}\0`); at >= 0; at = bytes.indexOf(`${from}\0`, at + 1)) {
    const before = bytes[at - 1];
    // Not what ends the name of a symbol or section.
    if (before === 0 || before === 0x3d) name.copy(bytes, at);
  }
  return bytes;
}

/** Sections that stay and whose bytes nobody changes once the module is loaded: code, read-only data, and what late relocations fill. */
function isComparable({ name, flags, memory, size }: LoadedSection): boolean {
  if (size === 0 || memory.startsWith('init') || memory === 'percpu') return false;
  return (flags & SHF_WRITE) === 0 || name === '.toc';
}

/** Sizes by module, as the twin lays them out. */
function wantedOf(kernel: KernelKnowledge, files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Map<string, number>>();
  for (const bytes of files.values()) {
    const placement = { kind: 'base', base: 0xc008_0000_0000_0000n } as const;
    const { image, name } = loadModule({ bytes, kernel, placement, modules: new Map() });
    if (image === undefined) continue;
    const list = wanted.get(name) ?? new Map<string, number>();
    for (const section of image.sections)
      if (isComparable(section)) list.set(section.name, Math.max(section.size, list.get(section.name) ?? 0));
    wanted.set(name, list);
  }
  return new Map([...wanted].map(([name, list]) => [name, [...list]]));
}

/** Lines of the kernel that the twin does not give: those of modules' own code, and of the transition that follows. */
const NOT_THE_LOADERS =
  /^livepatch: '|^lab: |_(?:init|exit|func)(?:$|[ :(,])|_callback: |^livepatch_shadow|^livepatch_fix|^test_klp_shadow_vars|^test_klp_state|allocate_loglevel|^$/;

class Counts {
  steps = 0;
  refused = 0;
  bytes = 0;
  readonly results: string[] = [];
}

/** The twin beside a machine: the same steps, one after the other. */
class Twin {
  readonly counts: Counts;
  readonly #kernel: KernelKnowledge;
  readonly #files: ReadonlyMap<string, Uint8Array>;
  #modules = new Map<string, LoadedModule>();
  #taints: ReadonlySet<Taint> = new Set();

  constructor(kernel: KernelKnowledge, files: ReadonlyMap<string, Uint8Array>, counts: Counts) {
    this.counts = counts;
    this.#kernel = kernel;
    this.#files = files;
  }

  begin(): void {
    this.#modules = new Map();
  }

  /** @returns how the twin and the kernel differ */
  step(step: Step, answer: StepAnswer): string[] {
    this.counts.steps++;
    if (answer.result !== '') this.counts.results.push(answer.result);
    if (step.action === 'unload') {
      this.#modules.delete(step.what);
      return this.#compareImages(answer);
    }
    const bytes = this.#files.get(step.what)!;
    const name = this.#ask(bytes, { kind: 'base', base: 0xc008_0000_0000_0000n }).name;
    const addresses = new Map([...(answer.sections.get(name) ?? [])].map(([section, s]) => [section, s.address]));
    const outcome =
      answer.errno === 0 ? this.#ask(bytes, { kind: 'sections', addresses }) : this.#askWhereItFits(bytes, answer);
    this.#taints = outcome.taints;
    if (answer.errno === 0) this.#add(outcome);
    else this.counts.refused++;
    this.#change(outcome);
    const kernel = answer.log.map(l => l.text).filter(text => !NOT_THE_LOADERS.test(text));
    const twin = outcome.log.map(l => l.text);
    const complaints: string[] = [];
    if ((outcome.errno?.number ?? 0) !== answer.errno)
      complaints.push(`errno ${answer.errno}, the twin says ${outcome.errno?.name ?? 'it loads'}`);
    if (plain(kernel) !== plain(twin))
      complaints.push(`log\n  ${kernel.join('\n  ')}\n the twin's\n  ${twin.join('\n  ')}`);
    if (outcome.dangerous)
      complaints.push(`the twin calls it dangerous: ${outcome.remarks.map(r => r.message).join('; ')}`);
    if (outcome.unknown.length > 0) complaints.push(`the twin is not sure: ${outcome.unknown.join('; ')}`);
    return [...complaints, ...this.#compareImages(answer)];
  }

  /** Nobody tells where a refused module lay. Where it changed livepatches, these tell: one of the possible pages must fit. */
  #askWhereItFits(bytes: Uint8Array, answer: StepAnswer): LoadOutcome {
    const before = this.#modules;
    const first = this.#ask(bytes, { kind: 'base', base: 0xc008_0000_0000_0000n });
    for (let page = 0n; page < 64n && first.changedLivepatches !== undefined; page++) {
      const outcome = this.#ask(bytes, { kind: 'base', base: 0xc008_0000_0000_0000n + page * 0x1_0000n });
      const { bytes: counted } = this.counts;
      this.#change(outcome);
      const fits = this.#compareImages(answer).length === 0;
      this.#modules = before;
      this.counts.bytes = counted;
      if (fits) return outcome;
    }
    return first;
  }

  /** Those that were completed before one failed stay so. */
  #change({ changedLivepatches }: LoadOutcome): void {
    this.#modules = new Map(this.#modules);
    for (const [name, changed] of changedLivepatches ?? [])
      this.#modules.set(name, { ...this.#modules.get(name)!, ...changed });
  }

  isDangerous(file: string): boolean {
    this.begin();
    const base = (bytes: Uint8Array, at: bigint) => this.#ask(bytes, { kind: 'base', base: at });
    this.#add(base(this.#files.get('klp_target')!, 0xc008_0000_0100_0000n));
    return base(this.#files.get(file)!, 0xc008_0000_0000_0000n).dangerous;
  }

  #ask(bytes: Uint8Array, placement: Placement): LoadOutcome {
    return loadModule({
      bytes,
      kernel: this.#kernel,
      placement,
      modules: this.#modules,
      taints: this.#taints,
      enableLivepatch: true,
    });
  }

  #add({ name, exports, gplCompatible, image, livepatch }: LoadOutcome): void {
    const module = { name, exports, gplCompatible, ...(image && { image }), ...(livepatch && { livepatch }) };
    this.#modules.set(name, module);
  }

  #compareImages(answer: StepAnswer): string[] {
    const names = [...answer.sections.keys()].sort().join(' ');
    const expected = [...this.#modules.keys()].sort().join(' ');
    if (names !== expected) return [`loaded are ${names}; the twin has ${expected}`];
    return [...this.#modules.values()].flatMap(module => this.#compare(module.image!, answer));
  }

  #compare(image: LoadedImage, answer: StepAnswer): string[] {
    const patched = this.#patchedPlaces(image);
    const complaints: string[] = [];
    for (const section of image.sections) {
      if (!isComparable(section)) continue;
      const actual = answer.sections.get(image.name)?.get(section.name)?.bytes;
      if (actual === undefined || actual.length < section.size) {
        complaints.push(`${image.name} ${section.name} was not read`);
        continue;
      }
      for (let at = 0; at < section.size; at++) {
        if (section.excluded.some(({ offset, length }) => at >= offset && at < offset + length)) continue;
        if (patched.has(section.address + BigInt(at & ~3))) continue;
        this.counts.bytes++;
        if (actual[at] === section.bytes[at]) continue;
        const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(at & ~7, (at & ~7) + 16)).toString('hex');
        complaints.push(
          `${image.name} ${section.name}+0x${at.toString(16)}: kernel ${hex(actual)}, twin ${hex(section.bytes)}`,
        );
        break;
      }
    }
    return complaints;
  }

  /** Addresses of words at which the tracer calls a livepatch: within 16 bytes of the start of a function that is replaced. */
  #patchedPlaces(image: LoadedImage): ReadonlySet<bigint> {
    const places = new Set<bigint>();
    for (const { livepatch } of this.#modules.values())
      for (const object of livepatch?.patch.objects ?? [])
        for (const { name } of object.name === image.name ? object.functions : [])
          for (const symbol of image.symbols.filter(s => s.name === name))
            for (let at = 0n; at < 16n; at += 4n) places.add(symbol.address + at);
    return places;
  }
}

/** Where a refused module would have been is not known: of addresses, and distances between modules, the lowest 16 bits count. */
function plain(lines: readonly string[]): string {
  return lines.map(line => line.replace(/\b0x[0-9a-f]+([0-9a-f]{4})\b/g, '0x$1')).join('\n');
}
