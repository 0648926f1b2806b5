/** `--strategy custom:FILE.o`: reads the user's trampolines, and says where the merged module has them. */
import type { ElfFile } from '../../elf/read.ts';
import { type CustomObject, customObject } from '../../merge/custom.ts';
import type { ImageAdditions } from '../../plan/image.ts';
import { firstAdded } from '../../rewrite/image/plan.ts';
import type { RedirectRequest } from '../../rewrite/redirects.ts';
import { refusal } from '../../rewrite/refusals.ts';
import type { SectionIndex, SectionOffset } from '../../util/indexes.ts';
import { unusedName } from '../../util/unused-name.ts';
import type { RenamedObject } from '../../verify/merged/renamed.ts';
import { type MergedModule, readMergeObject } from './merge.ts';
import { customPath, type StrategyText } from './strategy.ts';

/** A redirect whose trampoline may still be a file. */
export interface WrittenRedirect extends Omit<RedirectRequest, 'strategy' | 'custom' | 'passedOver'> {
  readonly strategy: StrategyText;
}

/** A trampoline of the user's own, and whose it is. */
export interface Custom {
  readonly redirect: WrittenRedirect;
  readonly made: CustomObject;
  readonly entry: string;
  /** For the judge. */
  readonly renamed: RenamedObject;
  /** Of the file. */
  readonly sha256: string;
}

/** One for each redirect that asks for it. @throws RefusalError PAT080, PAT081, PAT270; InputError IO, ELF codes */
export async function readCustoms(elf: ElfFile, redirects: readonly WrittenRedirect[]): Promise<Custom[]> {
  const customs: Custom[] = [];
  const taken = new Set<string>();
  for (const redirect of redirects) {
    const path = customPath(redirect.strategy);
    if (path === undefined) continue;
    const given = await readMergeObject(path);
    const { from, to } = redirect;
    const isTaken = (name: string) => taken.has(name) || (elf.symbols?.find(name) ?? -1) >= 0;
    const entry = unusedName(`__tocsin_custom_${from.split('@')[0]}`, '_', isTaken);
    taken.add(entry);
    const made = customObject(given, { from, to, entry });
    if (!('object' in made)) throw refusal(...made);
    const renamed = { name: given.name, given: given.elf, copy: made.object.elf, from, to, entry };
    customs.push({ redirect, made, entry, renamed, sha256: given.sha256 });
  }
  return customs;
}

/** Redirects of which no trampoline has been merged. */
export function plain(redirects: readonly WrittenRedirect[]): RedirectRequest[] {
  return redirects.map(r => ({ ...r, strategy: namedOf(r.strategy) }));
}

function namedOf(text: StrategyText): RedirectRequest['strategy'] {
  return customPath(text) === undefined ? (text as Exclude<StrategyText, `custom:${string}`>) : 'custom';
}

/** The same redirects, now that their trampolines have their places: those of `customs` are the last of the merged objects. */
export function withCustoms(
  redirects: readonly WrittenRedirect[],
  customs: readonly Custom[],
  { plan, objects }: MergedModule,
): RedirectRequest[] {
  return placed(redirects, customs, (n, section) => {
    const object = objects.indexOf(customs[n]!.made.object);
    const piece = plan.pieces.find(p => p.object === object && p.section === section);
    return piece && { section: piece.target, offset: piece.offset };
  });
}

/** The same for a linked image: what is added to it are sections behind its own. */
export function withImageCustoms(
  redirects: readonly WrittenRedirect[],
  customs: readonly Custom[],
  image: ElfFile,
  { merged, pieces }: ImageAdditions,
): RedirectRequest[] {
  const first = merged.length - customs.length;
  return placed(redirects, customs, (n, section) => {
    const piece = pieces.find(p => p.object === first + n && p.section === section);
    return piece && { section: firstAdded(image) + piece.part, offset: piece.offset };
  });
}

type Start = { readonly section: SectionIndex; readonly offset: SectionOffset };

/** @param startOf where a section of the n-th trampoline's object lies now */
function placed(
  redirects: readonly WrittenRedirect[],
  customs: readonly Custom[],
  startOf: (n: number, section: SectionIndex) => Start | undefined,
): RedirectRequest[] {
  return plain(redirects).map((request, i) => {
    const n = customs.findIndex(c => c.redirect === redirects[i]);
    if (n < 0) return request;
    const { made, entry, sha256 } = customs[n]!;
    const places = made.places.flatMap(({ section, offset, stands }) => {
      const start = startOf(n, section);
      return start === undefined ? [] : [{ section: start.section, offset: start.offset + offset, stands }];
    });
    const { object, namesTarget, movesStack } = made;
    return { ...request, custom: { object: object.name, sha256, entry, places, namesTarget, movesStack } };
  });
}
