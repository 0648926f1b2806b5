/** The difference for people: like `diff -u` over two disassemblies, with names in the place of numbers. */
import type {
  CallSiteDiff,
  ContentDiff,
  EntryPoint,
  FieldChange,
  SectionDiff,
  SymbolDiff,
  TableDiff,
} from '../../diff/model.ts';
import type { DiffDocument, DiffFunction, DiffHunk, DiffLine } from './document.ts';

export type DiffStyle = 'heading' | 'added' | 'removed' | 'changed' | 'faint';
/** Puts colour around a piece of a line, or gives it back as it is. */
type Styler = (style: DiffStyle, text: string) => string;

export interface DiffTextOptions {
  readonly style?: Styler;
  /** Show everything; else long lists end with `… and N more (use --verbose)`. */
  readonly verbose?: boolean;
}

/** What is shown without `verbose`: functions with their hunks, lines of one function, entries of one list. */
export const MOST_FUNCTIONS = 20;
const MOST_LINES = 120;
const MOST_ENTRIES = 20;

const plain: Styler = (_style, text) => text;

const grouped = (n: number) => n.toLocaleString('en-US');
const counted = (n: number, noun: string) => `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`;
const hexadecimal = (n: number) => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);
const offsetText = (n: number) => (n < 0 ? hexadecimal(n) : `+${hexadecimal(n)}`);

class Writer {
  readonly lines: string[] = [];
  readonly style: Styler;
  readonly verbose: boolean;

  constructor({ style = plain, verbose = false }: DiffTextOptions) {
    this.style = style;
    this.verbose = verbose;
  }

  line(text = ''): void {
    this.lines.push(text);
  }

  heading(text: string): void {
    this.line();
    this.line(this.style('heading', text));
  }

  /** Writes the entries, or the first ones and how many are left out. */
  list<T>(entries: readonly T[], write: (entry: T) => void, most = MOST_ENTRIES): void {
    const end = this.verbose ? entries.length : Math.min(entries.length, most);
    for (let i = 0; i < end; i++) write(entries[i]!);
    this.more(entries.length - end);
  }

  more(n: number): void {
    if (n > 0) this.line(this.style('faint', `  … and ${grouped(n)} more (use --verbose)`));
  }
}

/** The report, lines ended by newlines. */
export function diffText(document: DiffDocument, options: DiffTextOptions = {}): string {
  const writer = new Writer(options);
  writer.line(writer.style('removed', `--- ${document.old.file}`));
  writer.line(writer.style('added', `+++ ${document.new.file}`));
  if (document.same) same(writer, document);
  else {
    writer.line(summaryText(document));
    functions(writer, document);
    callSites(writer, document.callSites);
    entryPoints(writer, document);
    tables(writer, document.tables);
    sections(writer, document.sections);
    relocations(writer, document);
    symbols(writer, document);
    modinfo(writer, document);
    fields(writer, document.header);
    layout(writer, document);
    disassembly(writer, document);
  }
  return `${writer.lines.join('\n')}\n`;
}

function same(writer: Writer, document: DiffDocument): void {
  const { unchanged, moved } = document.summary.functions;
  if (document.identical)
    writer.line(`identical: ${grouped(document.new.size)} bytes, ${counted(unchanged, 'function')}`);
  else {
    writer.line(`same: all ${counted(unchanged + moved, 'function')}, all data, symbols and tables mean the same`);
    writer.line(`layout differs: ${document.layout.notes.join('; ')}`);
  }
}

function summaryText({ summary }: DiffDocument): string {
  const { functions: f } = summary;
  const parts = [
    `functions: ${grouped(f.changed)} changed, ${grouped(f.added)} added, ${grouped(f.removed)} removed, ${grouped(f.moved)} moved, ${grouped(f.unchanged)} unchanged`,
  ];
  const other = [
    [summary.callSites, 'call site'],
    [summary.entryPoints, 'entry point'],
    [summary.tables, 'table'],
    [summary.sections, 'section'],
    [summary.relocations, 'relocation'],
    [summary.symbols, 'symbol'],
    [summary.modinfo, 'modinfo key'],
    [summary.header, 'header field'],
  ] as const;
  const differing = other.filter(([n]) => n > 0).map(([n, noun]) => counted(n, noun));
  if (differing.length > 0) parts.push(`also different: ${differing.join(', ')}`);
  return parts.join('\n');
}

function place(f: DiffFunction): string {
  const before = `${f.oldSection ?? f.section}+${hexadecimal(f.oldOffset ?? 0)}`;
  const after = `${f.section}+${hexadecimal(f.newOffset ?? 0)}`;
  if (f.status === 'added') return `${after}, ${counted(f.newSize ?? 0, 'byte')}`;
  if (f.status === 'removed') return `${before}, ${counted(f.oldSize ?? 0, 'byte')}`;
  const sizes =
    f.oldSize === f.newSize ? counted(f.newSize ?? 0, 'byte') : `${f.oldSize} → ${counted(f.newSize ?? 0, 'byte')}`;
  return `${before === after ? after : `${before} → ${after}`}, ${sizes}`;
}

function nameOf(f: DiffFunction): string {
  const also = f.aliases.length > 0 ? ` (also ${f.aliases.join(', ')})` : '';
  return f.oldName === undefined ? `${f.name}${also}` : `${f.oldName} → ${f.name}${also}`;
}

const styleOf = { changed: 'changed', added: 'added', removed: 'removed', moved: 'faint' } as const;

function functions(writer: Writer, document: DiffDocument): void {
  const head = (f: DiffFunction) => {
    const words = f.status === 'changed' ? `  (${f.removedWords} out, ${f.addedWords} in)` : '';
    writer.line(
      `${writer.style(styleOf[f.status], f.status.padEnd(8))} ${nameOf(f)}  ${writer.style('faint', place(f) + words)}`,
    );
  };
  const of = (status: DiffFunction['status']) => document.functions.filter(f => f.status === status);
  const changed = of('changed');
  const shown = writer.verbose ? changed.length : Math.min(changed.length, MOST_FUNCTIONS);
  for (const f of changed.slice(0, shown)) {
    writer.line();
    head(f);
    hunks(writer, f);
  }
  if (shown < changed.length) {
    writer.heading(`${counted(changed.length - shown, 'more changed function')} (use --verbose for their code)`);
    writer.list(changed.slice(shown), head);
  }
  for (const status of ['added', 'removed'] as const) {
    const list = of(status);
    if (list.length > 0) writer.line();
    writer.list(list, head);
  }
  const moved = of('moved');
  if (moved.length > 0) {
    writer.line();
    if (writer.verbose) writer.list(moved, head);
    else
      writer.line(
        writer.style(
          'faint',
          `${counted(moved.length, 'function')} moved, with the same code: ${nameList(moved.map(nameOf))}`,
        ),
      );
  }
}

function nameList(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(', ')
    : `${names.slice(0, 4).join(', ')} and ${grouped(names.length - 4)} more (use --verbose)`;
}

function hunks(writer: Writer, f: DiffFunction): void {
  if (f.unaligned) writer.line(writer.style('faint', '(too different to align: one block)'));
  let left = writer.verbose ? Number.POSITIVE_INFINITY : MOST_LINES;
  for (const hunk of f.hunks ?? []) {
    if (left <= 0) break;
    writer.line(writer.style('heading', hunkHead(hunk)));
    for (const line of hunk.lines.slice(0, left)) writer.line(instruction(writer, line));
    left -= hunk.lines.length;
  }
  if (left < 0 || (left === 0 && (f.hunks ?? []).length > 1)) {
    const all = (f.hunks ?? []).reduce((n, h) => n + h.lines.length, 0);
    writer.more(all - MOST_LINES);
  }
}

function hunkHead({ oldOffset, newOffset }: DiffHunk): string {
  return oldOffset === newOffset
    ? `@@ ${offsetText(newOffset)} @@`
    : `@@ ${offsetText(oldOffset)} → ${offsetText(newOffset)} @@`;
}

/** Columns of word and text: relocations stand one below the other. */
const TEXT_WIDTH = 28;

function instruction(writer: Writer, line: DiffLine): string {
  // A branch shows where its relocation leads instead of a number.
  const relocation =
    line.relocation === undefined || line.target !== undefined ? '' : line.relocation.replaceAll('R_PPC64_', '');
  const offset = offsetText(line.offset).padEnd(7);
  const tail = relocation === '' ? '' : `  # ${relocation}`;
  const text = `${line.op} ${offset} ${line.word}  ${tail === '' ? line.text : line.text.padEnd(TEXT_WIDTH)}${tail}`;
  if (line.op === ' ') return text;
  return writer.style(line.op === '+' ? 'added' : 'removed', text);
}

const sign = { added: '+', gained: '+', removed: '-', lost: '-' } as const;

function callSites(writer: Writer, sites: readonly CallSiteDiff[]): void {
  if (sites.length === 0) return;
  writer.heading(`Call sites (${grouped(sites.length)})`);
  const recorded = (r: boolean | undefined) => (r ? 'recorded' : 'not recorded');
  writer.list(sites, s => {
    if (s.change === 'lost') {
      const now = s.newWord === undefined ? '' : `; the word is now ${word(s.newWord)}`;
      writer.line(
        writer.style(
          'removed',
          `${sign.lost} ${s.function}${offsetText(s.oldOffset ?? 0)}  ${s.oldForm}, ${recorded(s.oldRecorded)}${now}`,
        ),
      );
    } else if (s.change === 'gained')
      writer.line(
        writer.style(
          'added',
          `${sign.gained} ${s.function}${offsetText(s.newOffset ?? 0)}  ${s.newForm}, ${recorded(s.newRecorded)}`,
        ),
      );
    else if (s.change === 'form') {
      const where =
        s.oldOffset === s.newOffset
          ? offsetText(s.newOffset ?? 0)
          : `${offsetText(s.oldOffset ?? 0)} → ${offsetText(s.newOffset ?? 0)}`;
      writer.line(`  ${s.function}  ${where}  ${s.oldForm} → ${s.newForm}`);
    } else
      writer.line(
        `  ${s.function}${offsetText(s.newOffset ?? 0)}  ${s.change === 'record-gained' ? 'now recorded' : 'no longer recorded'}`,
      );
  });
}

function word(value: number): string {
  if (value === 0x60000000) return 'a nop';
  return value.toString(16).padStart(8, '0');
}

function entryPoints(writer: Writer, { entryPoints: list }: DiffDocument): void {
  if (list.length === 0) return;
  writer.heading(`Entry points (${grouped(list.length)})`);
  const text = (e: EntryPoint) =>
    `local entry ${offsetText(e.distance)} (k = ${e.k}), TOC ${e.toc === 'none' ? 'not set up' : `by ${e.toc}`}, ${e.usesToc ? 'used' : 'not used'}`;
  writer.list(list, e => {
    writer.line(`  ${e.function}`);
    writer.line(writer.style('removed', `-   ${text(e.old)}`));
    writer.line(writer.style('added', `+   ${text(e.new)}`));
  });
}

function tables(writer: Writer, list: readonly TableDiff[]): void {
  if (list.length === 0) return;
  writer.heading('Tables');
  for (const table of list) {
    writer.line(
      `  ${table.table}  ${grouped(table.old)} → ${counted(table.new, 'entry').replace(/entrys$/, 'entries')}`,
    );
    writer.list(
      table.functions,
      f => {
        const what = f.old === f.new ? `${f.changed} of ${f.new} changed` : `${f.old} → ${f.new}`;
        writer.line(`    ${f.function === '' ? '(no function)' : f.function}  ${what}`);
      },
      8,
    );
  }
}

function fieldText(c: FieldChange): string {
  return `${c.field} ${c.old === '' ? 'none' : c.old} → ${c.new === '' ? 'none' : c.new}`;
}

function sections(writer: Writer, list: readonly SectionDiff[]): void {
  if (list.length === 0) return;
  writer.heading(`Sections (${grouped(list.length)})`);
  const loaded = (s: SectionDiff) => (s.allocated ? '' : ', not loaded');
  for (const s of list) {
    if (s.status === 'added')
      writer.line(writer.style('added', `+ ${s.name}  ${counted(s.newSize ?? 0, 'byte')}${loaded(s)}`));
    else if (s.status === 'removed')
      writer.line(writer.style('removed', `- ${s.name}  ${counted(s.oldSize ?? 0, 'byte')}${loaded(s)}`));
    else {
      const size =
        s.oldSize === s.newSize
          ? counted(s.newSize ?? 0, 'byte')
          : `${grouped(s.oldSize ?? 0)} → ${counted(s.newSize ?? 0, 'byte')}`;
      const changes = (s.changes ?? []).map(c => `, ${fieldText(c)}`).join('');
      writer.line(`  ${s.name}  ${size}${loaded(s)}${changes}`);
      writer.list(s.contents ?? [], c => contents(writer, c), 10);
    }
  }
}

function contents(writer: Writer, c: ContentDiff): void {
  const name = c.place === '' ? '' : `${c.place}: `;
  if (c.status === 'added') writer.line(writer.style('added', `+     ${name}${c.new}`));
  else if (c.status === 'removed') writer.line(writer.style('removed', `-     ${name}${c.old}`));
  else {
    if (c.offset === undefined) {
      writer.line(`      ${c.place}: ${c.old} → ${c.new}`);
      return;
    }
    writer.line(
      `      ${c.place}${c.offset === 0 ? '' : offsetText(c.offset)}: ${counted(c.bytes ?? 0, 'byte')} of it`,
    );
    writer.line(writer.style('removed', `-       ${c.old}`));
    writer.line(writer.style('added', `+       ${c.new}`));
  }
}

function relocations(writer: Writer, { relocations: list }: DiffDocument): void {
  if (list.length === 0) return;
  writer.heading(`Relocations of data (${grouped(list.length)})`);
  writer.list(list, r => {
    writer.line(`  ${r.section}  ${r.place}`);
    if (r.old !== undefined) writer.line(writer.style('removed', `-   ${r.old}`));
    if (r.new !== undefined) writer.line(writer.style('added', `+   ${r.new}`));
  });
}

function symbols(writer: Writer, document: DiffDocument): void {
  const told = new Set<string>();
  for (const f of document.functions)
    if (f.status !== 'moved' && f.status !== 'changed')
      for (const name of [f.name, ...f.aliases]) told.add(`${f.status} ${name}`);
  const list = document.symbols.filter(s => !told.has(`${s.status} ${s.name}`));
  if (list.length === 0) return;
  const left = document.symbols.length - list.length;
  writer.heading(
    `Symbols (${grouped(list.length)}${left > 0 ? `, besides those of ${counted(left, 'function')} above` : ''})`,
  );
  writer.list(list, s => symbol(writer, s));
}

function symbol(writer: Writer, s: SymbolDiff): void {
  const changes = (s.changes ?? []).map(fieldText).join(', ');
  if (s.status === 'added') writer.line(writer.style('added', `+ ${s.name}  ${s.kind}`));
  else if (s.status === 'removed') writer.line(writer.style('removed', `- ${s.name}  ${s.kind}`));
  else if (s.status === 'renamed')
    writer.line(`  ${s.oldName} → ${s.name}  ${s.kind}${changes === '' ? '' : `: ${changes}`}`);
  else writer.line(`  ${s.oldName === undefined ? s.name : `${s.oldName} → ${s.name}`}  ${changes}`);
}

function modinfo(writer: Writer, { modinfo: list }: DiffDocument): void {
  if (list.length === 0) return;
  writer.heading('Modinfo');
  writer.list(list, m => {
    for (const value of m.old) writer.line(writer.style('removed', `- ${m.key}=${value}`));
    for (const value of m.new) writer.line(writer.style('added', `+ ${m.key}=${value}`));
  });
}

function fields(writer: Writer, list: readonly FieldChange[]): void {
  if (list.length === 0) return;
  writer.heading('File');
  for (const field of list) writer.line(`  ${fieldText(field)}`);
}

function layout(writer: Writer, document: DiffDocument): void {
  if (!document.layout.differs) return;
  writer.heading('Layout, without a meaning of its own');
  writer.line(writer.style('faint', `  ${document.layout.notes.join('; ')}`));
}

function disassembly(writer: Writer, { disassembly: d }: DiffDocument): void {
  if (d.own + d.capstone + d.raw === 0) return;
  writer.line();
  writer.line(
    writer.style(
      'faint',
      `${counted(d.own + d.capstone + d.raw, 'word')} disassembled: ${grouped(d.own)} by tocsin's table, ${grouped(d.capstone)} by Capstone, ${grouped(d.raw)} as .long`,
    ),
  );
}
