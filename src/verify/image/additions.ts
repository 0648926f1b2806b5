/**
 * What the plan of an image says of what it adds, held against objects and image: the objects themselves, which room each of their sections
 * gets and what that is called, the symbols, what names of the image are bound to, and the places that stand for the rest of functions.
 * The bytes are judged in merged-parts.ts.
 */
import { createHash } from 'node:crypto';
import {
  SHF_EXECINSTR,
  SHF_WRITE,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FILE,
  STT_FUNC,
  STT_NOTYPE,
  STT_OBJECT,
} from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { SymbolTable } from '../../elf/symbols.ts';
import type { ImageBinding, ImagePart, ImagePiece, ImagePlan, ImageSymbol, RoomKind } from '../../plan/image.ts';
import type { PlannedRedirect } from '../../plan/plan.ts';
import type { RenamedObject } from '../merged/renamed.ts';
import { count, type Report } from '../verification.ts';

const NOP = 0x60000000;
const NAMES: Readonly<Record<RoomKind, RegExp>> = {
  code: /^\.(init\.|exit\.)?text\.tocsin(\.\d+)?$/,
  constants: /^(\.rodata|__ex_table)\.tocsin(\.\d+)?$/,
  data: /^(\.data|__bug_table)\.tocsin(\.\d+)?$/,
};
/** Sections that nobody writes to once their addresses are in them. */
const FILLED_ONCE = /^\.(toc|got|data\.rel\.ro)/;

export interface Additions {
  readonly input: ElfFile;
  readonly plan: ImagePlan;
  readonly objects: readonly ElfFile[];
  readonly renamed: readonly RenamedObject[];
}

/** @returns in words, what was looked at */
export function checkAdditions(report: Report, given: Additions): string {
  const { plan, objects } = given;
  checkObjects(report, given);
  for (const part of plan.parts) checkPart(report, given, part);
  for (const piece of plan.pieces) checkPiece(report, plan, piece, objects[piece.object]?.sections[piece.section]);
  checkSymbols(report, given);
  checkBindings(report, given);
  checkRests(report, given);
  return `${count(plan.parts.length, 'part')}, ${count(plan.symbols.length, 'symbol')}, ${count(plan.bindings.length, 'binding')}`;
}

const hashOf = ({ bytes }: ElfFile) => createHash('sha256').update(bytes).digest('hex');

/** A function's name without the place that tells it from others. */
const plainName = (name: string) => name.replace(/@.+\+0x[0-9a-fA-F]+$/, '');

/** The objects that the plan lists are those that were given; trampolines of the user's own are the last of them. */
function checkObjects(report: Report, { plan, objects, renamed }: Additions): void {
  for (const [n, object] of objects.entries()) {
    const told = plan.merged[n];
    if (told !== undefined && (told.size !== object.bytes.length || told.sha256 !== hashOf(object)))
      report.error('VER260', `${told.name} is not the object that the plan merges`);
  }
  for (const { name, given, copy, entry, from, to } of renamed) {
    const told = plan.merged[objects.indexOf(copy)];
    const uses = plan.actions.filter(
      (a): a is PlannedRedirect => a.kind === 'redirect' && a.custom !== undefined && a.custom.entry === entry,
    );
    const isTold =
      told?.name === name &&
      uses.length === 1 &&
      uses.every(({ custom }) => custom?.object === name && custom.sha256 === hashOf(given)) &&
      uses.every(use => use.function === plainName(from) && use.to === plainName(to));
    if (!isTold) report.error('VER260', `the plan does not tell of ${name}, a trampoline, as it was given`);
  }
}

function checkPart(report: Report, { input, plan }: Additions, part: ImagePart): void {
  const { name, kind, alignment } = part;
  const tell = (what: string) => report.error('VER261', `${name}: ${what}`, name);
  if (!NAMES[kind]?.test(name)) tell(`no name of room for ${kind}`);
  if (input.sectionNamed(name) !== undefined || plan.parts.some(p => p !== part && p.name === name))
    tell('a name that is taken');
  if (alignment < 1 || (alignment & (alignment - 1)) !== 0) tell(`an alignment of ${alignment}`);
  const number = plan.parts.indexOf(part);
  for (const [table, prefix] of [
    ['exceptions', '__ex_table.'],
    ['bugs', '__bug_table.'],
  ] as const)
    if (name.startsWith(prefix) !== plan.tables.some(t => t.kind === table && t.part === number))
      tell(`not what the plan says of the ${table}`);
}

/** Code where code may lie, and what is written to where it can be. */
function checkPiece(report: Report, plan: ImagePlan, piece: ImagePiece, section: Section | undefined): void {
  const kind = plan.parts[piece.part]?.kind;
  const tell = (what: string) => report.error('VER262', `${piece.name} of an object: ${what}`, piece.name);
  if (section === undefined || kind === undefined) return;
  if (section.name !== piece.name) tell(`its name is ${section.name}`);
  if (!section.isAllocated) tell('it is nothing that is loaded');
  const isCode = (section.sh_flags & SHF_EXECINSTR) !== 0;
  const isWritten =
    (section.sh_flags & SHF_WRITE) !== 0 && !FILLED_ONCE.test(section.name) && section.name !== '__ex_table';
  const wanted: readonly RoomKind[] = isCode ? ['code'] : isWritten ? ['data'] : ['constants', 'data'];
  if (!wanted.includes(kind)) tell(`it lies in room for ${kind}`);
  if (plan.pieces.some(p => p !== piece && p.object === piece.object && p.section === piece.section))
    tell('it has two places');
}

const symbolKey = (s: Omit<ImageSymbol, 'name'>) =>
  `${s.part} ${s.address} ${s.size} ${s.type} ${s.st_other & 0xe0} ${s.binding}`;

/** Merged functions and data are called as in their objects; code of tocsin's has its own names, and no piece of it is without one. */
function checkSymbols(report: Report, { input, plan, objects }: Additions): void {
  const isMerged = (part: number) => plan.pieces.some(p => p.part === part);
  const wanted = new Map<string, string[]>();
  for (const symbol of symbolsOf(plan, objects)) {
    const key = symbolKey(symbol);
    wanted.set(key, [...(wanted.get(key) ?? []), symbol.name]);
  }
  const taken = plan.symbols.length === 0 ? new Set<string>() : namesOf(input);
  const others = new Set(plan.symbols.map(s => s.name));
  const seen = new Set<string>();
  for (const symbol of plan.symbols) {
    const { name, part, address, size } = symbol;
    const at = plan.parts[part];
    const tell = (what: string) => report.error('VER263', `${name} ${what}`, at?.name);
    if (seen.has(name) || taken.has(name)) tell('is a name that is taken');
    seen.add(name);
    // Visibility is the same for all: hidden (compare-tail.ts).
    if ((symbol.st_other & 0x1f) !== 0) tell('has more in st_other than its entries');
    if (at === undefined || address < at.address || address + BigInt(size) > at.address + BigInt(at.bytes.length))
      tell('lies outside of its part');
    else if (isMerged(part)) {
      const names = wanted.get(symbolKey(symbol)) ?? [];
      const plain = name.replace(/\.tocsin\d+$/, '');
      const isTaken = taken.has(plain) || others.has(plain);
      const found = names.indexOf(name) >= 0 ? names.indexOf(name) : isTaken ? names.indexOf(plain) : -1;
      if (found < 0) tell('is no symbol of an object that lies there');
      else names.splice(found, 1);
    } else if (!isOwn(symbol, at)) tell('is no name of new code');
  }
  for (const names of wanted.values())
    for (const name of names) report.error('VER263', `${name} of an object has no symbol in the image`);
  for (const [number, part] of plan.parts.entries())
    if (part.kind === 'code' && !isMerged(number) && !isCovered(part, number, plan))
      report.error('VER263', 'new code and its symbols do not cover each other', part.name);
}

function namesOf({ symbols }: ElfFile): ReadonlySet<string> {
  const names = new Set<string>();
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) names.add(symbols.name(i));
  return names;
}

const isOwn = ({ name, binding, type }: ImageSymbol, { kind }: ImagePart) =>
  kind === 'code' &&
  name.startsWith('__tocsin_') &&
  binding === STB_GLOBAL &&
  (type === STT_FUNC || type === STT_NOTYPE);

/** Whether symbols of new code are as long as their code, and every word of it that is no nop lies in one. */
function isCovered({ address, bytes }: ImagePart, number: number, { symbols }: ImagePlan): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isNop = (i: number) => view.getUint32(i * 4, true) === NOP;
  const times = new Uint8Array(bytes.length / 4);
  for (const s of symbols) {
    if (s.part !== number) continue;
    const from = Number(s.address - address) / 4;
    const to = from + s.size / 4;
    if (s.size <= 0 || !Number.isInteger(from) || !Number.isInteger(to) || isNop(to - 1)) return false;
    for (let i = from; i < to; i++) times[i]!++;
  }
  return times.every((n, i) => n === 1 || (n === 0 && isNop(i)));
}

/** Those of the objects that the image gets: functions, data, and places of code that others may name. */
function* symbolsOf(plan: ImagePlan, objects: readonly ElfFile[]): Generator<ImageSymbol> {
  for (const [object, { symbols }] of objects.entries())
    for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
      const home = symbols.sectionOf(i);
      const piece = plan.pieces.find(p => p.object === object && p.section === home);
      const part = piece && plan.parts[piece.part];
      const type = symbols.type(i);
      if (piece === undefined || part === undefined) continue;
      const isPlace = type === STT_NOTYPE && symbols.binding(i) !== STB_LOCAL && part.kind === 'code';
      if (type !== STT_FUNC && type !== STT_OBJECT && !isPlace) continue;
      yield {
        name: symbols.name(i),
        binding: STB_GLOBAL,
        type,
        st_other: symbols.st_other(i) & 0xe0,
        part: piece.part,
        address: part.address + BigInt(piece.offset + symbols.value(i)),
        size: symbols.size(i),
      };
    }
}

/** A name of an object that none of the objects defines means the image's one symbol of that name. */
function checkBindings(report: Report, { input, plan, objects }: Additions): void {
  const seen = new Set<string>();
  for (const binding of plan.bindings) {
    const { object, name } = binding;
    const tell = (what: string) => report.error('VER264', `${name} of ${plan.merged[object]?.name}: ${what}`);
    if (seen.has(`${object} ${name}`)) tell('it is bound twice');
    seen.add(`${object} ${name}`);
    const own = objects[object]?.symbols;
    if ((own?.find(name, i => own.rawSection(i) === 0) ?? -1) < 0) tell('the object does not want it');
    const isObjects = objects.some(
      ({ symbols: s }) => (s?.find(name, i => s.rawSection(i) !== 0 && s.binding(i) !== STB_LOCAL) ?? -1) >= 0,
    );
    if (isObjects !== (binding.to === 'object')) tell(`it is not bound to ${binding.to}`);
    else if (!isObjects && !isMeant(input, binding)) tell('the image does not mean just this by it');
  }
}

/** Whether a name means the place: the global symbol, or the only local one, or the one of a file or a place that is told with it. */
function isMeant(input: ElfFile, { name, to, address }: ImageBinding): boolean {
  const symbols = input.symbols!;
  const global = symbols.find(name, i => symbols.sectionOf(i) !== 0 && symbols.binding(i) !== STB_LOCAL);
  if (global >= 0) return to === 'image' && symbols.address(global) === address;
  const locals = (wanted: string) => {
    const found: number[] = [];
    symbols.find(wanted, i => {
      const isLocal = symbols.sectionOf(i) !== 0 && symbols.binding(i) === STB_LOCAL;
      if (isLocal) found.push(i);
      return false;
    });
    return found;
  };
  let meant = locals(name);
  const at = name.indexOf('@');
  if (meant.length === 0 && at > 0)
    meant = locals(name.slice(0, at)).filter(i => {
      const section = input.sections[symbols.sectionOf(i)];
      const place = `${section?.name}+0x${symbols.offsetInSection(i).toString(16)}`;
      return [place, fileOf(symbols, i)].includes(name.slice(at + 1));
    });
  return to === 'local of the image' && meant.length === 1 && symbols.address(meant[0]!) === address;
}

/** The name of the STT_FILE symbol that a local one comes behind. */
function fileOf(symbols: SymbolTable, i: number): string | undefined {
  for (let n = i; n > 0; n--) if (symbols.type(n) === STT_FILE) return symbols.name(n);
  return undefined;
}

/** Relocations that do not mean what they name are those of a trampoline, which its redirect lists, and each of them names a placeholder. */
function checkRests(report: Report, { plan, renamed, objects }: Additions): void {
  const listed = new Map<string, number>();
  for (const action of plan.actions)
    for (const { section, offset, stands } of (action.kind === 'redirect' && action.custom?.places) || []) {
      const key = `${section}+${offset} ${stands}`;
      listed.set(key, (listed.get(key) ?? 0) + 1);
    }
  for (const { object, section, offset, stands } of plan.rests) {
    const piece = plan.pieces.find(p => p.object === object && p.section === section);
    const name = piece && plan.parts[piece.part]?.name;
    const key = `${name}+${(piece?.offset ?? 0) + offset} ${stands}`;
    const times = listed.get(key) ?? 0;
    listed.set(key, times - 1);
    const given = renamed.find(r => r.copy === objects[object])?.given;
    if (times !== 1 || given === undefined || !namesPlaceholder(given, section, offset, `__tocsin_${stands}`))
      report.error(
        'VER265',
        'something is put in the place of a name that does not stand for the rest of a function',
        name,
      );
  }
  for (const [key, times] of listed)
    if (times > 0) report.error('VER265', `nothing at ${key} stands for the rest of a function`);
}

/** Whether a relocation of an object as it was given is of that name. */
function namesPlaceholder(elf: ElfFile, section: number, offset: number, name: string): boolean {
  return elf.relocationSectionsFor(section).some(table => {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++)
      if (relocations.offset(i) === offset && elf.symbols!.name(relocations.symbol(i)) === name) return true;
    return false;
  });
}
