/**
 * Module parameters: parse_args (params.c, lib/cmdline.c) over the table that `__param` holds once it is relocated. Without
 * arguments the kernel does not look at the table here; sysfs does (see `sysfs.ts`).
 *
 *     struct kernel_param: name, module, ops (8 bytes each), permissions (2), level (1), flags (1), padding (4), argument (8)
 */
import { execQueries } from './dynamic-debug.ts';
import { findAllocated } from './find-section.ts';
import { PARAMETER_TYPES, type ParameterType } from './parameter-values.ts';
import { RelocatedWords } from './relocated-words.ts';
import { knownName } from './section-names.ts';
import type { ErrnoName, LoadState } from './state.ts';

const PARAM = knownName('__param');
const ENTRY_SIZE = 40;
const ENTRY_WORDS = 5;
const PERMISSIONS_AT = 24;
const FLAGS_AT = 27;
/** KERNEL_PARAM_FL_UNSAFE */
const UNSAFE = 1;
/** Bytes of the longest text that a `charp` takes. */
const LONGEST_TEXT = 1024;

export interface Parameter {
  /** `undefined` where its pointer leads nowhere in the module. */
  readonly name: string | undefined;
  /** Whether the pointer to the name is zero. */
  readonly hasNullName: boolean;
  readonly permissions: number;
  readonly flags: number;
  /** Word of the entry in the table. */
  readonly word: number;
}

export interface ParameterTable {
  readonly section: number;
  readonly words: RelocatedWords;
  readonly entries: readonly Parameter[];
}

/** The module's parameters; `undefined` where it has none. */
export function parameterTable(state: LoadState): ParameterTable | undefined {
  const section = findAllocated(state, PARAM);
  if (section === 0 || state.headers.size[section]! < ENTRY_SIZE) return undefined;
  const words = new RelocatedWords(state, section);
  const { view } = state;
  const entries: Parameter[] = [];
  for (let word = 0; word + ENTRY_WORDS <= words.count; word += ENTRY_WORDS) {
    const at = state.headers.offset[section]! + word * 8;
    if (at + ENTRY_SIZE > view.byteLength) break;
    entries.push({
      name: words.text(word),
      hasNullName: words.isNull(word),
      permissions: view.getUint16(at + PERMISSIONS_AT, true),
      flags: view.getUint8(at + FLAGS_AT),
      word,
    });
  }
  return { section, words, entries };
}

interface Argument {
  readonly name: string;
  readonly value: string | undefined;
}

/** `next_arg`: the first argument of `text`, and what follows. */
function nextArgument(text: string): { readonly argument: Argument; readonly rest: string } {
  const isQuoted = text.startsWith('"');
  const args = isQuoted ? text.slice(1) : text;
  let inQuote = isQuoted;
  let equals = 0;
  let i = 0;
  for (; i < args.length; i++) {
    if (isSpace(args[i]!) && !inQuote) break;
    if (equals === 0 && args[i] === '=') equals = i;
    if (args[i] === '"') inQuote = !inQuote;
  }
  let end = i;
  let start = equals + 1;
  if (equals > 0 && args[start] === '"') {
    start++;
    if (args[i - 1] === '"') end = i - 1;
  }
  if (isQuoted && i > 0 && args[i - 1] === '"') end = i - 1;
  const name = equals > 0 ? args.slice(0, equals) : args.slice(0, end);
  const value = equals > 0 ? args.slice(start, Math.max(start, end)) : undefined;
  return { argument: { name, value }, rest: skipSpaces(args.slice(i + 1)) };
}

const isSpace = (c: string) => /[\t-\r \u00a0]/.test(c);
const skipSpaces = (text: string) => text.replace(/^[\t-\r \u00a0]+/, '');

/** `parse_args` and what load_module makes of its result. */
export function parseArguments(state: LoadState): void {
  let rest = skipSpaces(state.request.parameters ?? '');
  if (rest === '') return;
  const table = parameterTable(state);
  let failure: ErrnoName | undefined;
  while (rest !== '') {
    const { argument, rest: next } = nextArgument(rest);
    rest = next;
    if (argument.value === undefined && argument.name === '--') {
      if (failure === undefined) state.print('warning', `${state.name}: parameters '${rest}' after \`--' ignored`);
      break;
    }
    failure = parseOne(state, table, argument) ?? failure;
  }
  if (failure !== undefined) state.refuse(failure);
}

/** `parse_one` and the messages about it. */
function parseOne(state: LoadState, table: ParameterTable | undefined, argument: Argument): ErrnoName | undefined {
  const wanted = argument.name.replaceAll('-', '_');
  for (const parameter of table?.entries ?? []) {
    if (parameter.name === undefined) {
      state.danger('MOD009', 'a parameter has no name in the module, and the kernel reads it as a string', '__param');
      continue;
    }
    if (parameter.name.replaceAll('-', '_') !== wanted) continue;
    const errno = setParameter(state, table!, parameter, argument);
    // An array's commas become ends of strings while it is read.
    const isArray = table!.words.symbolName(parameter.word + 2) === 'param_array_ops';
    const shown = (isArray ? argument.value?.split(',')[0] : argument.value) ?? '';
    if (errno === 'ENOSPC')
      state.print('err', `${state.name}: \`${shown}' too large for parameter \`${argument.name}'`);
    else if (errno === 'ENOENT') state.print('err', `${state.name}: Unknown parameter \`${argument.name}'`);
    else if (errno !== undefined)
      state.print('err', `${state.name}: \`${shown}' invalid for parameter \`${argument.name}'`);
    return errno;
  }
  unknownParameter(state, argument);
  return undefined;
}

/** `unknown_module_param_cb` */
function unknownParameter(state: LoadState, { name, value }: Argument): void {
  if (name === 'async_probe') return;
  if (!state.kernel.options.dynamicDebug) {
    if (name === 'dyndbg') {
      state.print('warning', 'dyndbg param is supported only in CONFIG_DYNAMIC_DEBUG builds');
      return;
    }
  } else if ((name.includes('.') ? name.slice(name.indexOf('.') + 1) : name) === 'dyndbg') {
    execQueries(state, value ?? '+p');
    return;
  }
  // Looking for MODULE.dyndbg leaves a NUL where the first dot was.
  const shown = state.kernel.options.dynamicDebug ? name.replace(/\..*/s, '') : name;
  state.print('warning', `${state.name}: unknown parameter '${shown}' ignored`);
}

function setParameter(
  state: LoadState,
  { words }: ParameterTable,
  parameter: Parameter,
  { value }: Argument,
): ErrnoName | undefined {
  const operations = words.symbolName(parameter.word + 2);
  const type = operations === undefined ? undefined : PARAMETER_TYPES.get(operations);
  if (operations === undefined) {
    state.danger('MOD009', `parameter ${parameter.name} has no operations, and the kernel calls them`, '__param');
    return undefined;
  }
  if (value === undefined && type?.needsNoValue !== true && (type !== undefined || isKernels(operations)))
    return 'EINVAL';
  if ((parameter.flags & UNSAFE) !== 0)
    state.print('notice', `Setting dangerous option ${parameter.name} - tainting kernel`);
  const at = parameter.word + 4;
  if (type !== undefined) {
    const errno = type.check(value, state.rules.enableDisable);
    if (errno === undefined) excludeArgument(state, words, at, type.size, parameter.name!);
    return errno;
  }
  if (operations === 'param_ops_charp') return setText(state, words, at, parameter.name!, value!);
  if (operations === 'param_ops_string') return setString(state, words, at, parameter.name!, value!);
  if (operations === 'param_array_ops') return setArray(state, words, at, parameter.name!, value!);
  const code = operations === '' ? "the module's own code" : operations;
  state.unknown.push(`parameter ${parameter.name} is read by ${code}, which was not run`);
  return undefined;
}

const isKernels = (operations: string) =>
  operations === 'param_ops_charp' || operations === 'param_ops_string' || operations === 'param_array_ops';

function excludeArgument(state: LoadState, words: RelocatedWords, word: number, length: number, name: string): void {
  const target = words.target(word);
  if (target === undefined || target.section === 0) return;
  state.exclude(target.section, { offset: target.offset, length, reason: `parameter ${name} was given` });
}

function setText(state: LoadState, words: RelocatedWords, word: number, name: string, value: string) {
  if (value.length > LONGEST_TEXT) {
    state.print('err', `${name}: string parameter too long`);
    return 'ENOSPC';
  }
  excludeArgument(state, words, word, 8, name);
  return undefined;
}

/** `struct kparam_string`: room in bytes (4), padding, pointer. */
function setString(state: LoadState, words: RelocatedWords, word: number, name: string, value: string) {
  const target = words.target(word);
  const at = words.fileOffset(word);
  if (target === undefined || at < 0 || at + 16 > state.view.byteLength) return unreadable(state, name);
  const room = state.view.getUint32(at, true);
  if (value.length >= room) {
    state.print('err', `${name}: string doesn't fit in ${(room - 1) >>> 0} chars.`);
    return 'ENOSPC';
  }
  if (target.offset % 8 === 0)
    excludeArgument(state, new RelocatedWords(state, target.section), target.offset / 8 + 1, value.length + 1, name);
  return undefined;
}

/** `struct kparam_array`: most elements (4), bytes of one (4), pointers to their number, operations and elements. */
function setArray(
  state: LoadState,
  words: RelocatedWords,
  word: number,
  name: string,
  value: string,
): ErrnoName | undefined {
  const target = words.target(word);
  const at = words.fileOffset(word);
  if (target === undefined || at < 0 || target.offset % 8 !== 0 || at + 32 > state.view.byteLength)
    return unreadable(state, name);
  const most = state.view.getUint32(at, true);
  const size = state.view.getUint32(at + 4, true);
  const inner = new RelocatedWords(state, target.section);
  const type: ParameterType | undefined = PARAMETER_TYPES.get(inner.symbolName(target.offset / 8 + 2) ?? '');
  let count = 0;
  for (const element of value.split(',')) {
    if (count === most) {
      state.print('err', `${name}: can only take ${most | 0} arguments`);
      return 'EINVAL';
    }
    const errno = type?.check(element, state.rules.enableDisable);
    if (errno !== undefined) return errno;
    count++;
  }
  if (type === undefined) state.unknown.push(`the elements of parameter ${name} are read by code that was not run`);
  excludeArgument(state, inner, target.offset / 8 + 1, 4, name);
  excludeArgument(state, inner, target.offset / 8 + 3, count * size, name);
  return undefined;
}

function unreadable(state: LoadState, name: string): undefined {
  state.danger('MOD009', `the description of parameter ${name} does not lie in the module`, '__param');
  return undefined;
}
