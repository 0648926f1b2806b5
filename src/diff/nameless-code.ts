/**
 * Code that no symbol covers becomes an item as well, so that a change to it is not lost: all code of an object without a
 * symbol table, assembly without labels, what lies between two functions.
 *
 * Compilers fill the room between functions with nops, `ori r2,r2,0` and zeros, and put `.quad .TOC.-f` in front of a
 * function; those are not code.
 */
import type { Section } from '../elf/section.ts';
import type { Item } from './items.ts';
import type { Side } from './side.ts';

const PADDING = new Set([0, 0x60000000, 0x60420000]);

/** Whether the words of [start, end) may be left out. Bytes from the section's start. */
function isPadding(side: Side, section: Section, start: number, end: number, nextIsFunction: boolean): boolean {
  const { raw } = side.image(section);
  for (let i = start >>> 2; i < end >>> 2; i++) if (!PADDING.has(raw[i]!)) return false;
  const codeEnd = nextIsFunction ? end - 8 : end;
  return !side.hasRelocation(section.index, start, codeEnd);
}

/** An item without a symbol knows its end only from the next one: cuts the padding off. */
function trim(side: Side, item: Item, nextIsFunction: boolean): void {
  let end = item.end;
  if (nextIsFunction && end - item.start > 8 && isPadding(side, item.section, end - 8, end, true)) end -= 8;
  while (end - item.start > 4 && end % 4 === 0 && isPadding(side, item.section, end - 4, end, false)) end -= 4;
  item.end = end;
}

function nameless(section: Section, start: number, end: number, before: Item | undefined): Item {
  return {
    section,
    start,
    end,
    name: before === undefined ? `(start of ${section.name})` : `(behind ${before.name})`,
    aliases: [],
    symbols: [],
    isCode: true,
    isFunction: false,
    size: end - start,
    binding: 0,
    k: 0,
    number: 0,
    hash: 0,
  };
}

/** The items of a code section and the nameless ones between them, ascending. */
export function withNamelessCode(side: Side, section: Section, items: readonly Item[]): Item[] {
  const all: Item[] = [];
  let end = 0;
  const gap = (start: number, stop: number, nextIsFunction: boolean) => {
    if (stop - start < 4 || isPadding(side, section, start, stop, nextIsFunction)) return;
    const item = nameless(section, start, stop, all.at(-1));
    trim(side, item, nextIsFunction);
    all.push(item);
  };
  items.forEach((item, i) => {
    gap(end, item.start, item.isFunction);
    if (item.size === 0) trim(side, item, items[i + 1]?.isFunction ?? false);
    all.push(item);
    end = Math.max(end, item.end);
  });
  gap(end, section.sh_size, false);
  return all;
}
