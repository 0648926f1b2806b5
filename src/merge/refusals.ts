/** Why an object cannot be merged, by code. Messages and remedies are also in docs/diagnostics.md. */
import { RefusalError } from '../util/errors.ts';

interface RefusalFacts {
  readonly cause: string;
  readonly remedy: string;
}

export const mergeRefusals = {
  PAT101: {
    cause: '{object} is a linked file, not an object',
    remedy: 'give the relocatable object (.o) that the compiler wrote',
  },
  PAT102: {
    cause: '{object} uses function descriptors ({what}): it was compiled for the ELFv1 ABI',
    remedy: 'compile it with -mabi=elfv2, as the kernel is',
  },
  PAT103: {
    cause: '{object} has code or data that runs or lives only while a module is loaded or unloaded: {section}',
    remedy: 'leave module_init, module_exit, __init and __exit out of the fix; the module has run its own already',
  },
  PAT104: {
    cause: '{object} has {section}, which a module has once and the build makes',
    remedy: 'give the object of the fixed source file, not a whole module',
  },
  PAT105: {
    cause: '{object} has thread-local data ({what}), which the kernel does not have',
    remedy: 'use per-cpu data',
  },
  PAT106: {
    cause: '{object} has {name} in COMMON, for which the kernel gives no room',
    remedy: 'compile it with -fno-common',
  },
  PAT107: {
    cause: '{name} of {object} treats r2 as caller-saved ({what}: pcrel code), and the module has a TOC',
    remedy: "compile it with -mno-pcrel and the kernel's own flags",
  },
  PAT108: {
    cause: '{object} has a relocation that no module loader knows: {what}',
    remedy: "compile it with the kernel's own flags (no -fpic, -fno-plt, -mlongcall)",
  },
  PAT109: {
    cause: '{object} needs {name}, which is in a part of the object that is left out ({section})',
    remedy: 'keep what is needed in a section that the kernel loads',
  },
  PAT110: {
    cause: '{name} is defined in {object} and in {other}',
    remedy: 'rename it in the fix or make it static: objcopy --redefine-sym OLD=NEW',
  },
  PAT111: {
    cause: '{object} defines {name}, which the module imports from elsewhere',
    remedy: 'rename it in the fix: all calls of the module would go to it',
  },
  PAT112: {
    cause: 'there are several local symbols called {name} in the module: {places}',
    remedy: 'name one with objcopy --redefine-sym {name}={name}@FILE.c, or {name}@SECTION+0xOFFSET',
  },
  PAT113: {
    cause: '{object} needs {name}, which nobody has: {what}',
    remedy:
      "check the spelling; give the exporting module's Module.symvers with --symvers, or the kernel with --kernel",
  },
  PAT114: {
    cause: '{object} was built with room for another tracer ({found}) than the module ({expected})',
    remedy: "compile it with the flags of the module's kernel",
  },
  PAT115: {
    cause: 'with {object} the module is too large: {what}',
    remedy: 'compile the fix with -mcmodel=large or medium, as the kernel does, and make it smaller',
  },
  PAT116: {
    cause: "{section} of {object} cannot be joined with the module's: {what}",
    remedy: "compile the fix with the flags and the compiler of the module's kernel",
  },
  PAT117: {
    cause: "what {object} exports cannot be joined with the module's exports: {what}",
    remedy: 'take EXPORT_SYMBOL out of the fix; what the module exports already stays exported',
  },
  PAT118: {
    cause: '{object} uses {name} in {section}, which may be gone when the fix runs',
    remedy: 'keep the fix away from init and exit parts of the module',
  },
  PAT119: {
    cause: '{object} has {what}, which cannot be merged',
    remedy: "compile the fix as the kernel's build compiles modules",
  },
  PAT123: {
    cause: 'the image has no room for {size} bytes of {kind}: the largest is {largest}',
    remedy: 'make the objects smaller',
  },
  PAT124: {
    cause: '{object} has {section}, entries of a table that a linked kernel has once: {why}',
    remedy:
      'leave out of the fix what makes them (jump labels, exports, module parameters, feature sections, per-cpu data)',
  },
  PAT125: {
    cause: '{object} has a relocation that cannot be settled in a linked image: {what}',
    remedy: 'compile it with the flags of the kernel for modules',
  },
  PAT200: {
    cause:
      "{object} is under the licence '{other}', and the kernel would take it to be under that of the {whole}, '{license}'",
    remedy:
      "state the fix's licence with MODULE_LICENSE, if it is one that goes with the GPL; else it cannot become part of it",
  },
  PAT201: {
    cause: '{object} is (part of) a livepatch: the module that it became part of would be taken for one',
    remedy: 'take MODULE_INFO(livepatch, ...) out of the fix: a merged fix needs no livepatch core',
  },
  PAT202: {
    cause: "{object} uses numbers of types ({section}), which the kernel's build fills in for whole modules",
    remedy:
      'leave BTF_ID lists (sets of kfuncs, type checks of BPF) out of the fix; those of the module stay as they are',
  },
  PAT203: {
    cause:
      '{object} has {section}, which the kernel counts allocations by: it prepares those between two symbols of the whole module only',
    remedy:
      'rebuild the whole module for a kernel with CONFIG_MEM_ALLOC_PROFILING, or let functions of the module allocate',
  },
  PAT230: {
    cause: 'what {object} exports cannot be told: {what}',
    remedy: "compile it with the kernel's EXPORT_SYMBOL, and give what is exported a type and a size",
  },
  PAT231: {
    cause: '{object} exports {name}, which {owner} exports already',
    remedy:
      'take EXPORT_SYMBOL out of the fix: what the module exports stays exported, and a redirect changes what it does',
  },
  PAT232: {
    cause: '{object} exports {name}, as {owner} does, and the kernel would refuse the module',
    remedy: 'give the new export another name',
  },
  PAT233: {
    cause: '{object} exports {name}, and leaves it to others: {what}',
    remedy: 'define it in the fix, or export it where it is defined',
  },
  PAT234: {
    cause: '{object} has {what}, and the kernel of the module looks for exports in another form',
    remedy: "compile the fix with the headers of the module's kernel",
  },
  PAT190: {
    cause: 'the {section} of the image cannot get more rows: {what}',
    remedy: 'leave out of the fix what makes them (WARN and BUG; get_user and its like)',
  },
  PAT193: {
    cause: '{object} has {section}, and a row of it does not name an isync',
    remedy: 'compile the fix with the barriers of the kernel, asm/synch.h',
  },
} as const satisfies Record<string, RefusalFacts>;

export type MergeRefusalCode = keyof typeof mergeRefusals;

/** The refusal `code` with `values` in its message and remedy. */
export function mergeRefusal(
  code: MergeRefusalCode,
  values: Readonly<Record<string, string>>,
  place: { readonly section?: string; readonly offset?: number } = {},
): RefusalError {
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? '');
  const { cause, remedy } = mergeRefusals[code];
  return new RefusalError({ code, message: fill(cause), ...place, remedy: fill(remedy) });
}
