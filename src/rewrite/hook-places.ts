/**
 * Which word of a function becomes the branch to its hook, and whether that word can be moved.
 *
 * A word may be moved only where it means the same elsewhere: no branch, no trap, no relocation whose value depends on the place.
 * `mflr` is none of these: where it runs, LR is as it was. And nobody else may know its place.
 */
import type { NewRelocation, RemovedRelocation, SiteAt } from '../plan/plan.ts';
import { isBranch } from '../ppc64/branches.ts';
import { decode } from '../ppc64/decode.ts';
import { relocationFacts } from '../ppc64/relocations.ts';
import type { CallSite } from '../sites/call-sites.ts';
import type { TemplateWord } from '../trampoline/template.ts';
import { RefusalError } from '../util/errors.ts';
import type { SectionOffset } from '../util/indexes.ts';
import { BRANCHED, ENTRY, KnownWords, NAMED, RECORDED, REWRITTEN, TABLED } from './known-words.ts';
import { relocationsAt } from './places.ts';
import { keyOf } from './reach.ts';
import { refusal } from './refusals.ts';
import type { Code, Subject } from './subject.ts';
import { endOf } from './targets.ts';

export interface HookPlace {
  readonly at: SiteAt;
  readonly offset: SectionOffset;
  readonly word: number;
  /** Those of the word, which go. */
  readonly relocations: readonly RemovedRelocation[];
  /** What the moved word refers to. */
  readonly moved: NewRelocation | undefined;
}

export class HookPlaces {
  readonly #subject: Subject;
  readonly #words: KnownWords;
  /** Functions whose call sites become nops. */
  readonly #nopped: ReadonlySet<number>;

  constructor(subject: Subject, nopped: ReadonlySet<number>) {
    this.#subject = subject;
    this.#words = new KnownWords(subject);
    this.#nopped = nopped;
  }

  /**
   * Behind the site where that can be done, else at the site.
   *
   * @param asked the one of the two that it has to be
   * @throws RefusalError PAT007 to PAT010, PAT016, PAT021, PAT062
   */
  choose(
    code: Code,
    name: string,
    site: CallSite,
    asked: SiteAt | undefined,
  ): { readonly place: HookPlace; readonly why: readonly string[] } {
    if (asked !== 'site') {
      try {
        return { place: this.#behind(code, name, site), why: [] };
      } catch (error) {
        if (asked !== undefined || !(error instanceof RefusalError)) throw error;
        const why = `at the site: ${error.complaint.message} [${error.complaint.code}]`;
        try {
          return { place: this.#atSite(code, name, site), why: [why] };
        } catch {
          throw error;
        }
      }
    }
    return { place: this.#atSite(code, name, site), why: [] };
  }

  #behind(code: Code, name: string, site: CallSite): HookPlace {
    const offset = site.after;
    const where = { section: code.section, offset, function: name };
    const word = this.#wordAt(code, name, offset);
    const decoded = decode(word);
    const { mnemonic } = decoded.known ? decoded.instruction : { mnemonic: 'an instruction that is not known' };
    const stays = !decoded.known || isBranch(word) || word >>> 26 === 1 || isTrap(word) || word >>> 26 === 17;
    if (stays) throw refusal('PAT062', { what: `it is ${mnemonic}` }, where);
    this.#checkKnown(code, name, offset, ENTRY | BRANCHED | NAMED | TABLED | REWRITTEN | RECORDED);
    const relocations = this.#relocationsAt(code, name, offset, 'after-site');
    return { at: 'after-site', offset, word, relocations, moved: this.#movedRelocation(relocations, where) };
  }

  #atSite(code: Code, name: string, site: CallSite): HookPlace {
    const { offset } = site;
    const where = { section: code.section, offset, function: name };
    if (this.#nopped.has(keyOf(code)))
      throw refusal('PAT016', { what: 'the call site would become a nop and a branch' }, where);
    const word = this.#wordAt(code, name, offset);
    const own = [code.global, code.names[0]!.local].includes(offset);
    this.#checkKnown(code, name, offset, TABLED | REWRITTEN | (own ? 0 : ENTRY | BRANCHED | NAMED));
    return {
      at: 'site',
      offset,
      word,
      relocations: this.#relocationsAt(code, name, offset, 'site'),
      moved: undefined,
    };
  }

  /** The word that is to be replaced; the function has to go on behind it. */
  #wordAt(code: Code, name: string, offset: SectionOffset): number {
    if (offset + 8 > endOf(code)) throw refusal('PAT007', {}, { section: code.section, offset, function: name });
    return this.#subject.elf.sectionWords(code.section)[offset / 4]!;
  }

  #checkKnown(code: Code, name: string, offset: SectionOffset, unwanted: number): void {
    const { section } = code;
    const marks = this.#words.at(section, offset, code.global, endOf(code)) & unwanted;
    const where = { section, offset, function: name };
    if ((marks & REWRITTEN) !== 0) throw refusal('PAT010', { table: 'a table of feature sections' }, where);
    if ((marks & TABLED) !== 0)
      throw refusal('PAT009', { table: 'a table of the kernel', what: 'it may jump there' }, where);
    if ((marks & RECORDED) !== 0)
      throw refusal('PAT009', { table: 'a record of the tracer', what: 'it patches it' }, where);
    if ((marks & ENTRY) !== 0) throw refusal('PAT008', { what: 'a function begins there' }, where);
    if ((marks & BRANCHED) !== 0) throw refusal('PAT008', { what: 'a branch leads there' }, where);
    if ((marks & NAMED) !== 0) throw refusal('PAT008', { what: 'a relocation names it' }, where);
  }

  #relocationsAt(code: Code, name: string, offset: SectionOffset, at: SiteAt): RemovedRelocation[] {
    const { section } = code;
    return relocationsAt(this.#subject, { section, offset, name, entries: [], end: endOf(code), at });
  }

  /** A relocation may go with its instruction if its value does not depend on the place. */
  #movedRelocation(relocations: readonly RemovedRelocation[], where: object): NewRelocation | undefined {
    const [only, second] = relocations;
    if (only === undefined) return undefined;
    const table = this.#subject.elf.relocations(this.#subject.elf.sections[only.table]!);
    const type = table.type(only.entry);
    const facts = relocationFacts(type);
    if (second !== undefined || facts?.base !== 'S+A-.TOC.')
      throw refusal('PAT062', { what: `its relocation (${facts?.name ?? type}) depends on the place` }, where);
    return { offset: 0, type, symbol: { existing: table.symbol(only.entry) }, addend: table.addend(only.entry) };
  }
}

/** tw, td, twi, tdi: tables know the address of most of them. */
function isTrap(word: number): boolean {
  const opcode = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  return opcode === 2 || opcode === 3 || (opcode === 31 && (extended === 4 || extended === 68));
}

/** The moved word as the last but one of a template. */
export function movedWord({ word, moved }: HookPlace): TemplateWord {
  const asm = 'the moved instruction';
  if (moved === undefined) return { asm, word };
  return { asm, word, relocation: { type: moved.type, role: 'moved', addend: moved.addend } };
}
