/** `map.json` of `tocsin load`: where the sections lie and which bytes only the running machine decides. */
import type { ExcludedRange, LoadedImage, LoadOutcome } from '../../loader/model.ts';
import { columns } from '../columns.ts';

/** Addresses are hexadecimal strings with `0x`, since JSON's numbers end at 2^53; sizes and offsets are bytes. */
export interface LoadDocument {
  readonly schema: 'tocsin.load/1';
  /** The path as it was given. */
  readonly file: string;
  readonly module: string;
  /** Release of the kernel. */
  readonly kernel: string;
  /** What r2 holds in the module's functions. */
  readonly toc: string;
  readonly sections: readonly LoadedSectionDocument[];
  readonly stubs: readonly StubDocument[];
  /** What the kernel would write to its log. */
  readonly log: readonly { readonly level: string; readonly text: string }[];
}

export interface LoadedSectionDocument {
  readonly name: string;
  /** Index in the module's file. */
  readonly index: number;
  /** The file beside map.json that holds its bytes. */
  readonly path: string;
  readonly address: string;
  readonly size: number;
  /** The memory area that it lies in. */
  readonly memory: string;
  readonly excluded: readonly ExcludedRange[];
}

export interface StubDocument {
  readonly address: string;
  readonly target: string;
  readonly kind: string;
  readonly name: string;
}

const hex = (address: bigint) => `0x${address.toString(16)}`;

/** @param paths the file of each section of the image, in its order */
export function loadDocument(
  file: string,
  kernel: string,
  outcome: LoadOutcome,
  image: LoadedImage,
  paths: readonly string[],
): LoadDocument {
  return {
    schema: 'tocsin.load/1',
    file,
    module: image.name,
    kernel,
    toc: hex(image.toc),
    sections: image.sections.map((section, i) => ({
      name: section.name,
      index: section.index,
      path: paths[i]!,
      address: hex(section.address),
      size: section.size,
      memory: section.memory,
      excluded: merged(section.excluded),
    })),
    stubs: image.stubs.map(({ address, target, kind, name }) => ({
      address: hex(address),
      target: hex(target),
      kind,
      name,
    })),
    log: outcome.log,
  };
}

/** Ranges by offset, those of one reason that touch or overlap made one. */
function merged(ranges: readonly ExcludedRange[]): ExcludedRange[] {
  const result: ExcludedRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.offset - b.offset || a.length - b.length)) {
    const last = result.at(-1);
    if (last !== undefined && last.reason === range.reason && range.offset <= last.offset + last.length) {
      const end = Math.max(last.offset + last.length, range.offset + range.length);
      result[result.length - 1] = { ...last, length: end - last.offset };
    } else result.push({ offset: range.offset, length: range.length, reason: range.reason });
  }
  return result;
}

/** One row a section, and what is left out by reason. */
export function loadText(document: LoadDocument, folder: string): string {
  const rows = document.sections.map(s => [
    s.name,
    s.address,
    String(s.size),
    s.memory,
    s.excluded.length === 0 ? '' : `${sum(s.excluded)} left out`,
  ]);
  const table = columns([['section', 'address', 'bytes', 'memory', ''], ...rows], [2]);
  const reasons = new Map<string, number>();
  for (const { excluded } of document.sections)
    for (const { reason, length } of excluded) reasons.set(reason, (reasons.get(reason) ?? 0) + length);
  const left = [...reasons].map(([reason, bytes]) => `  ${bytes} bytes: ${reason}`);
  const note = left.length === 0 ? '' : `\nLeft out, since only the running machine decides:\n${left.join('\n')}`;
  return `${table}\n${document.sections.length} sections and map.json written to ${folder}${note}\n`;
}

const sum = (ranges: readonly ExcludedRange[]) => ranges.reduce((n, r) => n + r.length, 0);
