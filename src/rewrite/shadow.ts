/** `shadow`: the trampoline, and the data that it needs, which has been merged in (runtime/shadow.S). */
import { SHN_UNDEF, STT_NOTYPE } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SymbolRef, TocRecovery } from '../plan/plan.ts';
import { goOn } from '../trampoline/hook.ts';
import { codeSection, trampolineSymbol } from '../trampoline/names.ts';
import { shadowTemplate } from '../trampoline/shadow.ts';
import type { Draft } from './draft.ts';
import type { Redirect } from './redirects.ts';
import { refusal } from './refusals.ts';
import { restOfFunction } from './rest.ts';
import type { Subject } from './subject.ts';
import { targetSymbol } from './targets.ts';

const STATE = '__tocsin_shadow_state';
const TABLE = '__tocsin_shadow_table';

function find({ symbols }: ElfFile, name: string): number {
  return symbols?.find(name, i => symbols.rawSection(i) !== SHN_UNDEF) ?? -1;
}

/** Whether a module has the data that `shadow` needs. */
export function hasShadowData(elf: ElfFile): boolean {
  return find(elf, STATE) >= 0 && find(elf, TABLE) >= 0;
}

/** F itself, where it runs, leaves r2 as it was if it has k = 0: then G has to do the same. */
export function shadowToc(k: number, toc: TocRecovery): TocRecovery {
  return k === 0 ? 'saved' : toc;
}

/** @throws RefusalError PAT083, and what restOfFunction throws */
export function planShadow(
  subject: Subject,
  redirect: Redirect,
  nopped: ReadonlySet<number>,
  draft: Draft,
  grounds: string[],
): SymbolRef {
  const { request, from, name, k, target } = redirect;
  const toc = shadowToc(k, request.toc);
  const { shape, roles } = restOfFunction(subject, redirect, nopped, draft);
  if (!hasShadowData(subject.elf)) throw refusal('PAT083', {}, { section: from.section, function: name });
  grounds.push(
    `${target.name} is called without a frame: it finds the arguments that ${name}'s callers have put on the stack`,
  );
  grounds.push(`where no slot of the shadow table is free, ${name} itself runs`);
  grounds.push(
    toc === 'recomputed'
      ? "on return r2 is computed from the trampoline's own address"
      : 'on return r2 comes from the slot',
  );
  return draft.addCode(
    codeSection(from.section.name),
    trampolineSymbol('shadow', name),
    shadowTemplate(toc, goOn(shape)),
    {
      ...roles,
      target: targetSymbol(target, draft),
      state: { existing: find(subject.elf, STATE) },
      table: { existing: find(subject.elf, TABLE) },
    },
    STT_NOTYPE,
  );
}
