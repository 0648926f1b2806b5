/** Samples, changed by tests, through the loader twin. */
import { readFileSync } from 'node:fs';
import { loadModule } from '../../src/loader/load.ts';
import type { LoadOutcome, LoadRequest } from '../../src/loader/model.ts';
import { type Generation, type KnowledgeSpec, knowledge } from './kernel-knowledge.ts';
import { RawElf } from './raw-elf.ts';
import { root } from './samples.ts';

export const GENERATIONS: readonly Generation[] = ['6.1', '6.12', '7.2'];

/** A sample that tests may write to, with what they need to find their way. */
export class Mutant {
  bytes: Uint8Array;
  readonly elf: RawElf;

  constructor(generation: Generation, name: 'demo' | 'fix' = 'fix') {
    this.bytes = new Uint8Array(readFileSync(`${root}samples/${generation}/tocsin_${name}.ko`));
    this.elf = new RawElf(this.bytes);
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }

  section(name: string) {
    return this.elf.named(name);
  }

  /** Writes a field of a section header: `offset` is that of the field, 4 or 8 bytes wide. */
  header(section: string | number, offset: number, value: number | bigint): this {
    const at = (typeof section === 'number' ? this.elf.sections[section]! : this.section(section)).header + offset;
    if (typeof value === 'bigint') this.view.setBigUint64(at, value, true);
    else this.view.setUint32(at, value, true);
    return this;
  }

  /** Another name of the same length for the section, in the table of section names. */
  rename(from: string, to: string): this {
    if (from.length !== to.length) throw new Error('a name of another length');
    const at = this.section('.shstrtab').offset + this.view.getUint32(this.section(from).header, true);
    this.bytes.set(Buffer.from(to, 'latin1'), at);
    return this;
  }

  /** Overwrites the first place where the text `from` stands; `to` has to be of the same length. */
  replace(from: string, to: string): this {
    if (from.length !== to.length) throw new Error('a replacement of another length');
    const at = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).indexOf(from, 0, 'latin1');
    if (at < 0) throw new Error(`no ${JSON.stringify(from)} in the sample`);
    this.bytes.set(Buffer.from(to, 'latin1'), at);
    return this;
  }
}

/** Offsets of fields in a section header. */
export const SH = {
  name: 0,
  type: 4,
  flags: 8,
  address: 16,
  offset: 24,
  size: 32,
  link: 40,
  info: 44,
  alignment: 48,
  entrySize: 56,
} as const;

export interface Answer {
  /** `loads`, or the name of the error. */
  readonly answer: string;
  /** The kernel's log without what every sample gives. */
  readonly log: readonly string[];
  readonly outcome: LoadOutcome;
}

/** What a kernel of `generation` does with `bytes`. */
export function load(
  generation: Generation,
  bytes: Uint8Array,
  spec: Omit<KnowledgeSpec, 'generation'> = {},
  request: Partial<LoadRequest> = {},
): Answer {
  const outcome = loadModule({
    bytes,
    kernel: knowledge({ ...spec, generation }),
    placement: { kind: 'base', base: 0xc008_0000_0000_0000n },
    modules: new Map(),
    taints: ['oot', 'unsigned notice'],
    checkOnly: true,
    ...request,
  });
  const log = outcome.log.map(line => line.text);
  return { answer: outcome.loads ? 'loads' : outcome.errno!.name, log, outcome };
}
