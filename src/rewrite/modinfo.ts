/**
 * One more string in `.modinfo`, so that `modinfo FILE` shows that and how a module was patched:
 *
 *     tocsin=0.1.0: hook 65, redirect 1, merged 1, original 0123456789abcdef
 *
 * Version of tocsin; actions by kind; objects that were merged in; the first 16 digits of the original's SHA-256. The kernel passes
 * over keys that it does not know, and shows none of them. A file that is patched again gets a second string behind the first one.
 * Where call sites are taken out and nothing else is done, functions do what they did, and nothing is said of it.
 */
import type { ElfEditor } from '../elf/editor.ts';
import { informationSection } from '../kernel/modinfo.ts';
import type { PatchRecord } from '../kernel/patch-note.ts';

export function addModinfo(editor: ElfEditor, record: PatchRecord): void {
  const section = informationSection(editor.elf);
  const isMore = record.merged !== undefined || record.actions.some(action => action.kind !== 'nop');
  if (section === undefined || !isMore) return;
  const kinds = new Map<string, number>();
  for (const { kind } of record.actions) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  if (record.merged !== undefined) kinds.set('merged', record.merged.length);
  const done = [...kinds].map(([kind, count]) => `${kind} ${count}, `).join('');
  const text = `tocsin=${record.tool}: ${done}original ${record.original.sha256.slice(0, 16)}\0`;
  editor.append(section.index, Buffer.from(text));
}
