/**
 * One process of a campaign of commands (`../campaign.ts`): for each seed, damages a file, runs a command of the built program with
 * it, and judges what was written: `revert` gives the input back, and what the kernel took, or was proved, before the
 * patch is so after it.
 *
 *     run ROOT FIRST COUNT
 */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../random.ts';
import type { Message } from '../run.ts';
import { judgeLoaded, judgePatched, judgeReverted } from './judge.ts';
import { loadProgram, type Program, type Said } from './program.ts';
import { pickScenario, type Scenario } from './scenarios.ts';
import { GENERATIONS, makeStock, type Stock } from './stock.ts';

const MOST_MS = 5000;
const MOST_BYTES = 1e9;

const [root, first, count] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const send = (message: Message) => process.send?.(message);

const shm = '/dev/shm';
const folder = fs.mkdtempSync(join(fs.existsSync(shm) ? shm : tmpdir(), 'tocsin-fuzz-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
// Indexes of images are kept by the user's cache otherwise.
process.env.XDG_CACHE_HOME = join(folder, 'cache');

/** One command of one seed: its files, and where it may write. */
class Case {
  readonly stock: Stock;
  readonly scenario: Scenario;
  readonly #damaged = new Map<string, Uint8Array>();
  readonly #folder = join(folder, 'case');

  constructor(stock: Stock, scenario: Scenario, seed: number, tell: (mutations: readonly string[]) => void) {
    this.stock = stock;
    this.scenario = scenario;
    fs.rmSync(this.#folder, { recursive: true, force: true });
    fs.mkdirSync(this.#folder);
    // A plan names files beside it.
    for (const { name } of stock.files.values()) fs.linkSync(join(stock.folder, name), join(this.#folder, name));
    for (const [i, name] of scenario.damaged.entries()) {
      const { bytes, mutations } = stock.files.get(name)!.damaged(seed + i);
      fs.rmSync(join(this.#folder, name));
      fs.writeFileSync(join(this.#folder, name), bytes);
      this.#damaged.set(name, bytes);
      tell([name, ...mutations]);
    }
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  isDamaged(name: string): boolean {
    return this.#damaged.has(name);
  }

  /** As the command gets it. */
  bytes(name: string): Uint8Array {
    return this.#damaged.get(name) ?? this.stock.files.get(name)!.bytes;
  }

  arguments(): string[] {
    const damaged = `@${this.scenario.damaged[0]}`;
    return this.scenario.args.map(a =>
      a
        .replace('@DAMAGED', damaged)
        .replace(/^(custom:)?[@#](.*)$/, (_all, custom = '', name) => custom + this.path(name)),
    );
  }

  /** Files that the command wrote, or changed. */
  written(): { readonly names: readonly string[]; readonly changed: readonly string[] } {
    const now = fs.readdirSync(this.#folder);
    const changed = [...this.stock.files.keys()].filter(
      name => !now.includes(name) || Buffer.compare(fs.readFileSync(this.path(name)), this.bytes(name)) !== 0,
    );
    return { names: now.filter(name => !this.stock.files.has(name)), changed };
  }
}

const CODE = /\[[A-Z]{3}\d{3}\]|\[(IO|KER|SYS)\d+\]/;

/** What must not be, of the end of a command and of what lies in its folder. */
function faults(current: Case, { code, stdout, stderr }: Said): readonly string[] {
  const { scenario } = current;
  const found: string[] = [];
  if (code !== 0 && code !== 1 && code !== 2) return [`exit code ${code}\n${stderr}`];
  const says = scenario.args[0] === 'check' || scenario.args[0] === 'diff' ? stdout + stderr : stderr;
  if (code === 2 && !CODE.test(stderr) && !CODE.test(stdout)) found.push(`exit code 2 without a reason\n${stderr}`);
  if (code === 1 && !CODE.test(says) && !/the kernel refuses the module|^/.test(says))
    found.push(`exit code 1 without a reason\n${stderr}`);
  if (/^\s+at .*[:(]\d+:\d+\)?$/m.test(stderr)) found.push(`a stack trace\n${stderr}`);
  const { names, changed } = current.written();
  if (changed.length > 0) found.push(`files that are read were changed: ${changed.join(', ')}`);
  const strays = names.filter(name => name.includes('.tmp'));
  if (strays.length > 0) found.push(`temporary files are left: ${strays.join(', ')}`);
  const results = names.filter(name => !/^report\.|\.tmp$/.test(name));
  // A plan with several modules goes on with the next.
  if (code !== 0 && results.length > 0 && !scenario.damaged.includes('plan.json'))
    found.push(`exit code ${code}, and ${results.join(', ')} written\n${stderr}`);
  return found;
}

const tocsin: Program = await loadProgram(root);
const stocks = new Map<string, Stock>();

const ends = new Map<string, number>();
let slowest = 0;
let slowestSeed = first;
let memory = 0;
for (let seed = first; seed < first + count; seed++) {
  const random = new Random(seed ^ 0xc0de);
  const generation = random.pick(GENERATIONS);
  const stock = stocks.get(generation) ?? (await makeStock(root, join(folder, generation), generation, tocsin));
  stocks.set(generation, stock);
  const scenario = pickScenario(random);
  for (const name of [...scenario.damaged, ...(scenario.files ?? [])]) await stock.prepare(name);
  const mutations: string[] = [];
  const current = new Case(stock, scenario, seed, told => mutations.push(...told));
  const args = current.arguments();
  const line = `tocsin ${args.map(a => a.replace(`${folder}/case/`, '')).join(' ')}`;
  send({ kind: 'at', seed, subject: `${stock.generation}, ${scenario.name}`, mutations: [line, ...mutations] });
  const start = performance.now();
  const before = process.cpuUsage();
  const problems: string[] = [];
  let end = 'fault';
  try {
    const said = await tocsin(args);
    problems.push(...faults(current, said));
    end =
      said.code === 0 ? 'ok' : (/\[([A-Z]{2,3}\d{3})\]/.exec(said.stderr + said.stdout)?.[1] ?? `exit ${said.code}`);
    if (scenario.judge === 'patched' && said.code === 0) problems.push(...(await judgePatched(current, tocsin)));
    if (scenario.judge === 'reverted' && said.code === 0) problems.push(...judgeReverted(current));
    if (scenario.judge === 'loaded') problems.push(...(await judgeLoaded(current, said, tocsin)));
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const key = `${scenario.name.replace(/,.*/, '')} ${end}`;
  ends.set(key, (ends.get(key) ?? 0) + 1);
  const { user, system } = process.cpuUsage(before);
  // Whatever else the machine does is not this command's.
  const took = Math.min(performance.now() - start, (user + system) / 1000);
  if (took > MOST_MS) problems.push(`took ${Math.round(took)} ms`);
  if (took > slowest) [slowest, slowestSeed] = [took, seed];
  const peak = process.resourceUsage().maxRSS * 1024;
  if (peak > MOST_BYTES && memory <= MOST_BYTES) problems.push(`${Math.round(peak / 1e6)} MB of memory`);
  memory = Math.max(memory, peak);
  for (const problem of problems) send({ kind: 'violation', seed, step: scenario.args[0]!, problem });
}
send({ kind: 'done', ends: Object.fromEntries(ends), slowest, slowestSeed, memory });
process.disconnect?.();
