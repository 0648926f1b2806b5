/**
 * Livepatch sections and symbols: what the livepatch core will do with them, much of it only when the module that they name is
 * loaded, long after this one was accepted.
 *
 *     .klp.rela.OBJECT.SECTION      SHT_RELA with SHF_RELA_LIVEPATCH: relocations that wait for OBJECT
 *     .klp.sym.OBJECT.SYMBOL,POS    SHN_LIVEPATCH: a symbol of OBJECT, POS of several with the name (0: the only one)
 *
 * Rules: kernel/livepatch/core.c of 6.1 and 7.2 (`klp_resolve_symbols`, `klp_write_section_relocs`), kernel/module/main.c.
 */
import { SHT_RELA } from '../../../elf/constants.ts';
import type { Section } from '../../../elf/section.ts';
import type { Findings } from '../finding.ts';
import { LIVEPATCH, SHF_RELA_LIVEPATCH, type Subject, UNDEFINED } from '../subject.ts';

/** The widths are those of the core's own scan: MODULE_NAME_LEN and KSYM_NAME_LEN less the NUL. */
const SYMBOL_NAME = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),(\d+)$/s;
const SECTION_NAME = /^\.klp\.rela\.([^.]{1,55})\.(.+)$/s;
const VMLINUX = 'vmlinux';
const TOC = '.TOC.';

interface LivepatchSymbol {
  readonly object: string;
  readonly name: string;
  readonly position: number;
}

export function auditLivepatch(subject: Subject, findings: Findings): void {
  const { elf } = subject;
  const tables = elf.sections.filter(s => s.sh_type === SHT_RELA && (s.sh_flags & SHF_RELA_LIVEPATCH) !== 0);
  const isMarked = subject.modinfo('livepatch') !== undefined;
  for (const section of elf.sections)
    if (section.index > 0 && section.name.startsWith('.klp.rela.') && !tables.includes(section))
      findings.add({
        code: 'KLP201',
        level: 'error',
        message: `${section.name} is not marked as livepatch relocations (SHT_RELA with SHF_RELA_LIVEPATCH)`,
        section: section.name,
      });
  if (tables.length === 0 && !subject.hasLivepatchSymbols) return;
  if (!isMarked)
    findings.add({
      code: 'KLP202',
      level: 'error',
      message:
        'it has livepatch relocations or symbols, but no "livepatch" in .modinfo: the kernel keeps nothing that it needs to apply them',
      section: '.modinfo',
    });
  const own = subject.modinfo('name') ?? '';
  const symbols = readSymbols(subject, own, findings);
  for (const table of tables) auditTable(subject, table, own, symbols, findings);
  auditOthers(subject, tables, findings);
}

/** The livepatch symbols by number. */
function readSymbols(subject: Subject, own: string, findings: Findings): ReadonlyMap<number, LivepatchSymbol> {
  const { elf, kinds, kernel } = subject;
  const found = new Map<number, LivepatchSymbol>();
  const bad = (code: string, level: 'error' | 'warning', message: string) => findings.add({ code, level, message });
  for (let i = 1; i < kinds.length; i++) {
    if (kinds[i] !== LIVEPATCH) continue;
    const text = elf.symbols!.name(i);
    const match = SYMBOL_NAME.exec(text);
    if (match === null) {
      if (text === TOC)
        bad(
          'KLP204',
          'error',
          `${TOC} is marked as a livepatch symbol: it is this module's own TOC, which only the loader knows`,
        );
      else
        bad(
          'KLP203',
          'error',
          `the livepatch symbol ${text} is not of the form .klp.sym.OBJECT.SYMBOL,POSITION (at most 55 and 511 bytes)`,
        );
      continue;
    }
    const symbol: LivepatchSymbol = { object: match[1]!, name: match[2]!, position: Number(match[3]) };
    found.set(i, symbol);
    checkObject(symbol.object, text, findings);
    if (symbol.name === TOC)
      bad(
        'KLP204',
        'error',
        `${text}: the TOC is no symbol that can be looked up: it must stay an ordinary relocation against ${TOC}`,
      );
    else if (symbol.object === own && own !== '')
      bad('KLP205', 'error', `${text}: a livepatch symbol of this module itself: an ordinary relocation does`);
    else if (symbol.object === VMLINUX) {
      if (kernel.exports.find(symbol.name) >= 0)
        bad(
          'KLP206',
          'warning',
          `${text}: the kernel exports ${symbol.name}: an ordinary import is checked and versioned, this is neither`,
        );
      checkPosition(text, 'the kernel', symbol, subject.kernel.symbols.find(symbol.name).length, findings);
    } else {
      const count = subject.symbolsOfModule(symbol.object, symbol.name);
      if (count !== undefined) checkPosition(text, symbol.object, symbol, count, findings);
    }
  }
  return found;
}

/** Symbols of the kernel, and of modules that are given, are known now, whenever they are looked up. */
function checkPosition(
  text: string,
  where: string,
  { name, position }: LivepatchSymbol,
  count: number,
  findings: Findings,
): void {
  let message: string | undefined;
  if (count === 0) message = `${where} has no symbol ${name}`;
  else if (position > count) message = `${where} has ${count} symbols ${name}, and it asks for number ${position}`;
  else if (position === 0 && count > 1) message = `${where} has ${count} symbols ${name}, and it does not say which`;
  if (message !== undefined) findings.add({ code: 'KLP207', level: 'error', message: `${text}: ${message}` });
}

/** The kernel calls every module with underscores, so what waits for another name waits for ever. */
function checkObject(object: string, where: string, findings: Findings): void {
  if (!/[-,]/.test(object)) return;
  const message = `${where}: no module is called ${object}: the kernel's names of modules have _ in place of -`;
  findings.add({ code: 'KLP214', level: 'error', message });
}

function auditTable(
  subject: Subject,
  table: Section,
  own: string,
  symbols: ReadonlyMap<number, LivepatchSymbol>,
  findings: Findings,
): void {
  const { elf, kinds } = subject;
  const match = SECTION_NAME.exec(table.name);
  const target = elf.sections[table.sh_info];
  if (match === null) {
    findings.add({
      code: 'KLP208',
      level: 'error',
      message: `${table.name} is not of the form .klp.rela.OBJECT.SECTION (OBJECT of at most 55 bytes)`,
      section: table.name,
    });
    return;
  }
  const object = match[1]!;
  const sectionName = match[2]!;
  checkObject(object, table.name, findings);
  if (target === undefined || target.index === 0 || !target.isAllocated)
    findings.add({
      code: 'KLP209',
      level: 'error',
      message: `${table.name} changes section ${table.sh_info}, which is not loaded`,
      section: table.name,
    });
  else if (target.name !== sectionName)
    findings.add({
      code: 'KLP209',
      level: 'warning',
      message: `${table.name} changes ${target.name}, another section than its name says`,
      section: table.name,
    });
  if (object === own && own !== '')
    findings.add({
      code: 'KLP205',
      level: 'error',
      message: `${table.name} waits for this module itself`,
      section: table.name,
    });
  const words = elf.sectionWords(table);
  for (let w = 0; w + 6 <= words.length; w += 6) {
    const number = words[w + 3]!;
    const place = { section: table.name, offset: w * 4 };
    const symbol = symbols.get(number);
    if (symbol === undefined) {
      if (kinds[number] === LIVEPATCH) continue;
      const what = kinds[number] === UNDEFINED ? 'an ordinary import' : 'a symbol of this module';
      const name = number < kinds.length ? elf.symbols!.name(number) : `symbol ${number}`;
      findings.add({
        code: 'KLP210',
        level: 'error',
        message: `a livepatch relocation against ${name}, ${what}: the kernel refuses to apply it`,
        ...place,
      });
    } else if (object !== VMLINUX && symbol.object === VMLINUX)
      findings.add({
        code: 'KLP211',
        level: 'error',
        message: `a relocation that waits for ${object} names ${symbol.name} of vmlinux: the kernel refuses to load ${object} then`,
        ...place,
      });
  }
}

/** Ordinary relocations are applied before anybody resolves a livepatch symbol. */
function auditOthers(subject: Subject, tables: readonly Section[], findings: Findings): void {
  const { elf, kinds } = subject;
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA || tables.includes(table)) continue;
    const target = elf.sections[table.sh_info];
    if (target?.isAllocated !== true) continue;
    const words = elf.sectionWords(table);
    for (let w = 0; w + 6 <= words.length; w += 6) {
      if (kinds[words[w + 3]!] !== LIVEPATCH) continue;
      findings.add({
        code: 'KLP212',
        level: 'error',
        message: `an ordinary relocation against the livepatch symbol ${elf.symbols!.name(words[w + 3]!)}: it is applied before the symbol is resolved`,
        section: target.name,
        offset: words[w]!,
      });
    }
  }
}
