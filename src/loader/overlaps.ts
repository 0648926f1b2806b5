/**
 * Sections that share bytes of the file with another section or with the headers. The loader does not look: what it writes to one
 * shows in the other, as long as both are in its copy of the file.
 */
import { SHF_ALLOC, SHT_NOBITS, SHT_NULL } from '../elf/constants.ts';
import type { LoadState } from './state.ts';

/** Bytes of an ELF header, and of a section header. */
const HEADER_SIZE = 64;
/** Numbers of sections are below it. */
const SECTIONS = 0x1_0000;

/** Numbers of these sections; one that ends behind the file is among them. */
export function sharingSections(state: LoadState): number[] {
  const { count, type, offset, size, table } = state.headers;
  const starts = new Float64Array(count + 1);
  const sharing: number[] = [];
  let used = 0;
  for (let i = 1; i < count; i++) {
    if (type[i] === SHT_NULL || type[i] === SHT_NOBITS || size[i] === 0) continue;
    if (offset[i]! + size[i]! > state.bytes.length) sharing.push(i);
    else starts[used++] = offset[i]! * SECTIONS + i;
  }
  starts[used++] = table * SECTIONS;
  const sorted = starts.subarray(0, used).sort();
  let end = HEADER_SIZE;
  let last = 0;
  for (let k = 0; k < used; k++) {
    const i = sorted[k]! % SECTIONS;
    const start = (sorted[k]! - i) / SECTIONS;
    if (start < end) sharing.push(i, last);
    const here = start + (i === 0 ? count * HEADER_SIZE : size[i]!);
    if (here < end) continue;
    end = here;
    last = i;
  }
  return sharing;
}

/** Code or data that something else has written to, or that is something else: nobody knows what the kernel will run or use. */
export function remarkOnSharing(state: LoadState): void {
  const { headers, index, places } = state;
  const section = sharingSections(state).find(
    i => i !== 0 && i !== index.symtab && i !== index.strtab && places[i] !== undefined && isAllocated(state, i),
  );
  if (section === undefined) return;
  const name = headers.text(section);
  state.danger('REL113', `${name} has the same bytes of the file as another section or the headers`, name);
}

function isAllocated({ headers }: LoadState, section: number): boolean {
  return (headers.flags[section]! & SHF_ALLOC) !== 0;
}
