/** A plan that was made as for an object, linked into an image: new code gets room, and relocations become words. */
import type { ElfFile } from '../../elf/read.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import { ImageRooms } from '../../kernel/image-rooms.ts';
import type { ImagePart, ImageSymbol } from '../../plan/image.ts';
import type { NewRelocation, PatchPlan, SymbolRef, WordChange } from '../../plan/plan.ts';
import { localEntryOffset } from '../../ppc64/entry-points.ts';
import { linkRelocation } from '../../ppc64/linking.ts';
import { hex } from '../../util/bytes.ts';
import { refusal } from '../refusals.ts';
import { imageRefusal } from './refusals.ts';

const R_PPC64_REL24 = 10;

export interface LinkedPlan {
  readonly words: readonly WordChange[];
  readonly parts: readonly ImagePart[];
  readonly symbols: readonly ImageSymbol[];
  /** Where a symbol of the image or of the plan lies. */
  readonly addressOf: (ref: SymbolRef) => { readonly address: bigint; readonly st_other: number };
}

/**
 * @param image what the plan was made for
 * @param first number of the plan's first part in the plan to be
 * @throws RefusalError PAT013, PAT127
 */
export function linkPlan(image: ElfFile, plan: PatchPlan, first: number): LinkedPlan {
  const rooms = plan.newCode.length === 0 ? undefined : new ImageRooms(image);
  const toc = symbolAddress(image, '.TOC.') ?? 0n;
  const parts = plan.newCode.map(({ name, words, alignment }): ImagePart => {
    const size = words.length * 4;
    const room = rooms!.take('code', size, alignment);
    if (room === undefined) throw imageRefusal('PAT127', { size: hex(size) });
    return { name, kind: 'code', alignment, ...room, bytes: new Uint8Array(Uint32Array.from(words).buffer) };
  });
  const addressOf = (ref: SymbolRef): { readonly address: bigint; readonly st_other: number } => {
    if ('existing' in ref) {
      const symbols = image.symbols!;
      return { address: symbols.address(ref.existing), st_other: symbols.st_other(ref.existing) };
    }
    const symbol = plan.newSymbols[ref.added]!;
    if (symbol.code === undefined) return { address: symbolAddress(image, symbol.name) ?? 0n, st_other: 0 };
    return { address: parts[symbol.code]!.address + BigInt(symbol.value), st_other: symbol.st_other };
  };
  const link = ({ type, symbol, addend }: NewRelocation, P: bigint, word: number): number => {
    const { address, st_other } = addressOf(symbol);
    // Branches of a plan lead to local entries, or to places counted from them, as the loader has it.
    const S = type === R_PPC64_REL24 ? address + BigInt(localEntryOffset(st_other & 0xe0)) : address;
    const linked = linkRelocation({ type, S, A: BigInt(addend), P, toc }, { first: word, second: 0 });
    if (linked.kind !== 'words')
      throw refusal('PAT013', { size: linked.kind === 'refused' ? linked.why : linked.kind });
    return linked.words.first;
  };
  plan.newCode.forEach(({ relocations }, n) => {
    const { address, bytes } = parts[n]!;
    const view = new DataView(bytes.buffer);
    for (const r of relocations)
      view.setUint32(r.offset, link(r, address + BigInt(r.offset), view.getUint32(r.offset, true)), true);
  });
  const branches = new Map(plan.addedRelocations.map(r => [`${r.section}+${r.offset}`, r]));
  const words = plan.words.map(word => {
    const relocation = branches.get(`${word.section}+${word.offset}`);
    if (relocation === undefined) return word;
    const P = image.sections[word.section]!.sh_addr + BigInt(word.offset);
    return { ...word, after: link(relocation, P, word.after) };
  });
  const symbols = plan.newSymbols.flatMap((s, n): ImageSymbol[] =>
    s.code === undefined
      ? []
      : [
          {
            name: s.name,
            binding: s.binding,
            type: s.type,
            st_other: s.st_other & 0xe0,
            part: first + s.code,
            address: addressOf({ added: n }).address,
            size: s.size,
          },
        ],
  );
  return { words, parts, symbols, addressOf };
}
