/**
 * Sizes and offsets of the structures that the loader finds in a module's sections. Of the sources that there are the first
 * counts: the kernel's BTF; its DWARF; a module that was built for it, which shows the size of `struct module` and, by its
 * relocations, where `init` and `exit` are; values measured on a kernel whose `module_layout` has the same checksum, which
 * covers everything that `struct module` is made of. What the user gives goes before all of them, value by value.
 */
import type { ElfFile } from '../../elf/read.ts';
import { InputError } from '../../util/errors.ts';
import { Btf, type Structure } from '../btf.ts';
import { dwarfStructures } from './dwarf.ts';
import { measuredStructures } from './measured.ts';
import type { KernelStructures } from './model.ts';

/** Asked for by name; those that a kernel does not have are left out. */
const WANTED: ReadonlySet<string> = new Set([
  'module',
  'mod_arch_specific',
  'module_layout',
  'module_memory',
  'mod_kallsyms',
  'kernel_param',
  'kernel_symbol',
  'modversion_info',
  'module_version_attribute',
  'exception_table_entry',
  'bug_entry',
  'jump_entry',
  'static_call_site',
  'bpf_raw_event_map',
  'error_injection_entry',
  '_ddebug',
  'ddebug_class_map',
  'tracepoint',
  'trace_event_call',
  'trace_eval_map',
  'srcu_struct',
  'fixup_entry',
  'ppc64_stub_entry',
  'ftrace_ool_stub',
  'klp_func',
  'klp_object',
  'klp_patch',
]);

/** The member whose own members are listed too, with a dot between: `arch.toc_section`. */
const NESTED = 'arch';

/** `struct module` begins with the state (4 bytes, padded), the list (two pointers) and the name, in every version. */
const NAME_OFFSET = 24;

export interface StructureSources {
  readonly elf: ElfFile | undefined;
  /** A module that was built for this kernel. */
  readonly module: ElfFile | undefined;
  /** Checksum of the export `module_layout`, where the kernel has one. */
  readonly layoutCrc: number | undefined;
  readonly given: ReadonlyMap<string, number>;
}

/**
 * @param assumptions what was not read from the kernel itself is added
 * @throws InputError KER024 where the size of `struct module` is not known, KER026 for a module without `struct module`
 */
export function structuresFrom(sources: StructureSources, assumptions: string[]): KernelStructures {
  const known = described(sources) ?? fromModule(sources, assumptions) ?? measured(sources, assumptions);
  const sizes: Record<string, number> = { ...known?.sizes };
  const moduleFields: Record<string, number> = { name: NAME_OFFSET, ...known?.moduleFields };
  for (const [name, value] of sources.given) {
    if (name.startsWith('module.')) moduleFields[name.slice('module.'.length)] = value;
    else sizes[name] = value;
  }
  const moduleSize = sizes.module;
  if (moduleSize === undefined)
    throw new InputError({
      code: 'KER024',
      message: 'the size of struct module is not known',
      expected: 'BTF or DWARF in the image, or a module that was built for it',
      found: 'neither',
      remedy:
        'give a module of this kernel with --module FILE, or the size with --structure module=BYTES (readelf -S of any of its modules shows it: .gnu.linkonce.this_module)',
    });
  if (sources.given.size > 0)
    assumptions.push(`given by hand: ${[...sources.given].map(pair => pair.join('=')).join(', ')}`);
  const isGiven = sources.given.has('module') || known === undefined;
  return { moduleSize, moduleFields, sizes, source: isGiven ? 'given' : known.source };
}

type Known = Omit<KernelStructures, 'moduleSize'>;

function described({ elf }: StructureSources): Known | undefined {
  if (elf === undefined) return undefined;
  const section = elf.sectionNamed('.BTF');
  const btf = section === undefined ? undefined : Btf.parse(elf.contents(section));
  return known(btf?.structures(WANTED), 'btf') ?? known(dwarfStructures(elf, WANTED), 'dwarf');
}

function known(structures: Map<string, Structure> | undefined, source: 'btf' | 'dwarf'): Known | undefined {
  const module = structures?.get('module');
  if (structures === undefined || module === undefined) return undefined;
  const moduleFields: Record<string, number> = {};
  for (const [name, offset] of module.members) {
    moduleFields[name] = offset;
    if (name !== NESTED) continue;
    const nested = structures.get(module.nested.get(name) ?? '');
    for (const [inner, at] of nested?.members ?? []) moduleFields[`${name}.${inner}`] = offset + at;
  }
  const sizes: Record<string, number> = {};
  for (const [name, { size }] of structures) sizes[name] = size;
  return { moduleFields, sizes, source };
}

const THIS_MODULE = '.gnu.linkonce.this_module';

/** What a module shows of `struct module`; the other sizes as far as a measured kernel has them. */
function fromModule(sources: StructureSources, assumptions: string[]): Known | undefined {
  const { module } = sources;
  if (module === undefined) return undefined;
  const section = module.sectionNamed(THIS_MODULE);
  if (section === undefined || !module.isRelocatable)
    throw new InputError({
      code: 'KER026',
      message: 'the sample is not a module',
      expected: `an object with ${THIS_MODULE}`,
      found: 'none',
      remedy: 'give a .ko that was built for this kernel',
    });
  const moduleFields: Record<string, number> = {};
  const symbols = module.symbols;
  for (const table of module.relocationSectionsFor(section.index)) {
    const relocations = module.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const name = symbols?.name(relocations.symbol(i));
      if (name === 'init_module') moduleFields.init = relocations.offset(i);
      if (name === 'cleanup_module') moduleFields.exit = relocations.offset(i);
    }
  }
  const table = measuredStructures(sources.layoutCrc);
  if (table !== undefined && table.sizes.module === section.sh_size) {
    assumptions.push(MEASURED);
    return { moduleFields: { ...table.moduleFields, ...moduleFields }, sizes: table.sizes, source: 'module' };
  }
  assumptions.push('no BTF and no DWARF: of the structures only struct module is known, from a module of this kernel');
  return { moduleFields, sizes: { ...FIXED, module: section.sh_size }, source: 'module' };
}

const MEASURED =
  'no BTF and no DWARF: sizes of structures are those measured on a kernel whose module_layout has the same checksum';

function measured({ layoutCrc }: StructureSources, assumptions: string[]): Known | undefined {
  const table = measuredStructures(layoutCrc);
  if (table === undefined) return undefined;
  assumptions.push(MEASURED);
  return { ...table, source: 'table' };
}

/** The same in every ppc64le kernel that tocsin knows: made of pointers and of fields of fixed width, without options. */
const FIXED: Readonly<Record<string, number>> = {
  kernel_param: 40,
  kernel_symbol: 24,
  modversion_info: 64,
  exception_table_entry: 8,
  jump_entry: 16,
  trace_eval_map: 24,
};
