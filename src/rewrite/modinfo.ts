/**
 * One more string in `.modinfo`, so that `modinfo FILE` shows that and how a module was patched:
 *
 *     tocsin=0.1.0: hook 65, redirect frame 1, merged 1, original 0123456789abcdef
 *
 * Version of tocsin; actions by kind, redirects by strategy; objects that were merged in; the first 16 digits of the original's SHA-256. The kernel passes
 * over keys that it does not know, and shows none of them. A file that is patched again gets a second string behind the first one.
 */
import type { ElfEditor } from '../elf/editor.ts';
import { informationSection } from '../kernel/modinfo.ts';
import type { PatchRecord } from '../kernel/patch-note.ts';

/** Digits of the original's SHA-256. */
export const TOLD_DIGITS = 16;

export function addModinfo(editor: ElfEditor, record: PatchRecord): void {
  const section = informationSection(editor.elf);
  if (section === undefined || (record.merged === undefined && record.actions.length === 0)) return;
  const kinds = new Map<string, number>();
  for (const action of record.actions) {
    const how = action.kind === 'redirect' ? `redirect ${action.strategy}` : action.kind;
    kinds.set(how, (kinds.get(how) ?? 0) + 1);
  }
  if (record.merged !== undefined) kinds.set('merged', record.merged.length);
  editor.append(section.index, modinfoString(record.tool, kinds, record.original.sha256));
}

/** The string and its NUL, as bytes. */
export function modinfoString(tool: string, kinds: ReadonlyMap<string, number>, sha256: string): Buffer {
  const done = [...kinds].map(([kind, count]) => `${kind} ${count}, `).join('');
  return Buffer.from(`tocsin=${tool}: ${done}original ${sha256.slice(0, TOLD_DIGITS)}\0`);
}
