/**
 * `mod_sysfs_setup` (sysfs.c, params.c): what can go wrong when the module gets its folder below /sys/module. File names have
 * to be unique in a folder: parameters always, sections from 6.12 on (before, sysfs only complained). Of the kernel's report
 * about a name that is there twice the twin has the first line; a stack trace follows it.
 */
import { SHF_ALLOC } from '../elf/constants.ts';
import { type Parameter, parameterTable } from './parameters.ts';
import { NAME_LIMIT } from './section-names.ts';
import type { LoadState } from './state.ts';

/** Permissions that sysfs lets a file have. */
const ALLOWED_MODE = 0o664;

/** Core parameters have a folder of that name. */
const CORE = 'kernel';

export function modSysfsSetup(state: LoadState): void {
  if (state.name === CORE || state.kernel.builtin?.includes(state.name) === true)
    state.refuse('EINVAL', `${state.name}: module is already loaded`);
  if (state.name === '') {
    // The object's address, which the kernel hides: as it prints one that it cannot hash yet.
    state.print('warning', 'kobject: ((____ptrval____)): attempted to be registered with empty name!');
    state.refuse('EINVAL');
  }
  addParameters(state);
  if (state.kernel.options.kallsyms) addSections(state);
}

/** sysfs writes a slash in a module's name as an exclamation mark. */
function folder(state: LoadState): string {
  return `/module/${state.name.replaceAll('/', '!')}`;
}

function complain(state: LoadState, path: string): void {
  state.print('warning', `sysfs: cannot create duplicate filename '${path}'`);
}

function addParameters(state: LoadState): void {
  const seen = new Set<string>();
  for (const parameter of parameterTable(state)?.entries ?? []) {
    if (parameter.permissions === 0) continue;
    checkMode(state, parameter);
    if (parameter.name === undefined) {
      // A null pointer cannot be copied; another one is followed.
      if (parameter.hasNullName) state.refuse('ENOMEM');
      state.danger('MOD009', 'the name of a parameter does not lie in the module', '__param');
      continue;
    }
    if (seen.has(parameter.name)) {
      complain(state, `${folder(state)}/parameters/${parameter.name}`);
      state.refuse('EEXIST');
    }
    seen.add(parameter.name);
  }
}

function checkMode(state: LoadState, { name, permissions }: Parameter): void {
  if ((permissions & ~ALLOWED_MODE) === 0) return;
  const shown = permissions.toString(8);
  state.print('warning', `Attribute ${name ?? '(null)'}: Invalid permissions 0${shown}`);
}

/** Load that last had a section of the name with this number: a set that needs no clearing. */
const lastSeen = new Float64Array(NAME_LIMIT);
let loads = 0;

/** `add_sect_attrs` */
function addSections(state: LoadState): void {
  const { headers, index } = state;
  const rare = new Set<string>();
  loads++;
  for (let i = 0; i < headers.count; i++) {
    // kallsyms keeps these two by making them allocated.
    const isKept = (headers.flags[i]! & SHF_ALLOC) !== 0 || i === index.symtab || i === index.strtab;
    if (!isKept || headers.size[i] === 0) continue;
    const id = headers.nameId[i]!;
    const isThere = id === 0 ? rare.has(headers.text(i)) : lastSeen[id] === loads;
    if (isThere) {
      complain(state, `${folder(state)}/sections/${headers.text(i)}`);
      if (state.rules.sectionAttributesMayFail) state.refuse('EEXIST');
      return;
    }
    if (id === 0) rare.add(headers.text(i));
    else lastSeen[id] = loads;
  }
}
