/**
 * Why a request is refused, by code. The remedy belongs to the code; the message of a refusal is the cause, with names filled in
 * for `{…}`.
 */
import type { Section } from '../elf/section.ts';
import { RefusalError } from '../util/errors.ts';
import type { SectionOffset } from '../util/indexes.ts';

interface RefusalFacts {
  readonly cause: string;
  readonly remedy: string;
}

const NAME_IT = 'name one of them as NAME@SECTION+0xOFFSET';

export const refusals = {
  PAT001: {
    cause: 'a linked image cannot be patched as an object is',
    remedy: 'a kernel image has a plan of its own: makeImagePlan',
  },
  PAT002: { cause: 'no such function: {name}{near}', remedy: 'see the names with: tocsin scan --functions "*" FILE' },
  PAT003: { cause: 'there are several functions called {name}: {places}', remedy: NAME_IT },
  PAT004: {
    cause: 'the function has no call site: the compiler left no room in it, or its symbol has no size',
    remedy: 'choose a function that is not notrace, or build the module with the tracer enabled',
  },
  PAT005: {
    cause: 'no function that matches {name} has a call site ({count} match)',
    remedy: 'see which functions have one with: tocsin scan FILE',
  },
  PAT006: {
    cause: 'a -pg call site comes after the prologue, where a frame already stands',
    remedy: 'build the module with -mprofile-kernel or -fpatchable-function-entry; --nop works with -pg',
  },
  PAT007: {
    cause: 'the function is too short for the branch: it ends at its call site',
    remedy: 'redirect with --at site, or redirect its callers',
  },
  PAT008: {
    cause: 'the word that the branch would replace is a branch target: {what}',
    remedy: 'redirect with --at site, which replaces the call site instead',
  },
  PAT009: {
    cause: 'the word that the branch would replace is named by {table} ({what})',
    remedy: 'redirect with --at site, which replaces the call site instead',
  },
  PAT010: {
    cause: 'the kernel rewrites this word after loading: {table} covers it',
    remedy: 'redirect with --at site, or choose a function that does not begin with a feature section',
  },
  PAT011: {
    cause: '{name} takes arguments on the stack or is variadic ({evidence}), and a frame would hide them',
    remedy: 'use --strategy shadow, or put the replacement into the same object and use direct',
  },
  PAT012: {
    cause: 'it cannot be told whether {name} takes arguments on the stack: {evidence}',
    remedy: 'use --strategy shadow, or direct with a replacement in the same object, or build the module with BTF',
  },
  PAT013: {
    cause: 'the branch may have to go further than 32 MB ({size})',
    remedy: 'link the module with sections of less than 64 MB, or put the replacement nearer to the function',
  },
  PAT014: { cause: '{name} would be redirected to itself', remedy: 'name another replacement' },
  PAT015: {
    cause: 'the redirects lead in a circle: {names}',
    remedy: 'leave one of them out; to swap two functions, swap their callers',
  },
  PAT016: { cause: '{what}', remedy: 'ask for one change of each function; --nop goes with --at after-site only' },
  PAT017: { cause: '{name} is not a function with code: {what}', remedy: 'name a function as the replacement' },
  PAT018: {
    cause: '{name} treats r2 as caller-saved (st_other encodes k = 1: pcrel code)',
    remedy: 'build the object without pcrel code (-mno-pcrel), as modules for a kernel with a TOC must be',
  },
  PAT019: { cause: '{name} cannot be branched to: {what}', remedy: 'name a function that is defined here or exported' },
  PAT020: {
    cause: 'the symbol {name} lies in the tracer table {table}, which would shrink',
    remedy: 'strip that symbol, or leave the records by redirecting with --at after-site',
  },
  PAT021: {
    cause: 'the word that the branch would replace has {what}',
    remedy: 'redirect with --at site, which replaces the call site instead',
  },
  PAT022: {
    cause: '{name} lies in {section}, which may be gone while {from} is still called',
    remedy: 'keep the replacement out of init and exit sections',
  },
  PAT023: {
    cause: '{name} is not defined in this object, and direct needs a replacement with the same TOC',
    remedy: 'use --strategy frame (or auto), or link the replacement into this object',
  },
  PAT024: {
    cause: 'nothing is asked for',
    remedy: 'give --nop, --redirect, --hook, --hook-exit, --retarget or --epilogue (for a module, --with will do)',
  },
  PAT025: {
    cause: 'the call site lies in front of the local entry, where r2 is not set up yet',
    remedy: 'choose another function; this one was built with nops in front of its entry',
  },
  PAT026: {
    cause:
      'the kernel would refuse the module, or take it unchecked: {name} is a new import, and its symbol version is not known',
    remedy: 'give the Module.symvers that lists it with --symvers FILE',
  },
  PAT027: {
    cause: 'the kernel would not let this module use {name}: {what}',
    remedy: 'choose a replacement that this module may import, or rebuild the module',
  },
  PAT028: {
    cause: '{name} is too long for __versions, which holds {limit} characters',
    remedy: 'export the replacement under a shorter name',
  },
  PAT029: {
    cause: 'the record at {offset} of {table} is filled by two relocations',
    remedy: 'the file is damaged: build or copy it again',
  },
  PAT030: {
    cause: 'no strategy is proved right for {name}: {why}',
    remedy: 'choose another replacement, or one strategy and --allow-unproved if you know better',
  },
  PAT060: { cause: '{name} would be a hook of itself', remedy: 'leave it out of the functions that are hooked' },
  PAT061: {
    cause: 'the hook {hook} leads to {name}, which would call it again without end',
    remedy: 'leave {name} out, or give a hook that does not call it',
  },
  PAT062: {
    cause: 'the word behind the call site cannot be moved: {what}',
    remedy: 'hook with --at site, which takes the place of the call site instead',
  },
  PAT063: {
    cause: 'no function that matches {name} can be hooked: {why}',
    remedy: 'name one of them to see what stands in its way',
  },
  PAT064: {
    cause: '{name} has code between its entry and its call site',
    remedy: 'choose another function; a hook belongs in front of all that a function does',
  },
  PAT065: { cause: '{name} makes no call of {call}{near}', remedy: 'see its calls with: tocsin scan --calls FILE' },
  PAT066: {
    cause: 'there is no room for the load of r2 behind the call: {what}',
    remedy: 'choose a function of this object; a call of another object has a nop behind it, which the loader needs',
  },
  PAT067: {
    cause: '{name} may run with any r2, and {to} needs the TOC of this object',
    remedy: 'choose a replacement that needs no TOC',
  },
  PAT068: {
    cause: '{name} ends in a jump to {call}, and nobody would bring r2 back behind {to}',
    remedy: 'choose a function of this object for that jump',
  },
  PAT069: {
    cause: 'the word at {offset} of {name} is no call that can be changed: {what}',
    remedy: 'see its calls with: tocsin scan --calls FILE',
  },
  PAT070: { cause: '{name} never returns, so nothing can be called after it', remedy: 'hook it with --hook' },
  PAT071: {
    cause: '{name} has one entry for all callers (k = 0): nobody can be told apart there',
    remedy: 'redirect its local callers with --at local-entry, or all callers with --at after-site',
  },
  PAT072: {
    cause: 'more than branches that can be changed lead to the local entry of {name}: {what}',
    remedy: 'redirect all callers with --at after-site',
  },
  PAT073: {
    cause: 'no branch of this object leads to {name}',
    remedy: 'redirect callers from outside and through pointers with --at global-entry, or all with --at after-site',
  },
  PAT074: {
    cause:
      '{name} would lead to {to}, whose local callers are led elsewhere: whether that holds for it too is not said',
    remedy: 'name the function that {name} is to lead to in the end, or redirect {to} with --at after-site',
  },
  PAT075: {
    cause: '--at {at} is for redirects: a hook runs for all callers',
    remedy: 'leave --at out, and say it of the redirects in a plan (--plan)',
  },
  PAT076: {
    cause: 'with --at {at} there is no rest of the function that a trampoline could go on in',
    remedy: 'use --at after-site or site with --strategy custom',
  },
  PAT077: {
    cause: '{name} is too short for a long branch, and its branch may have to go further than 32 MB ({size})',
    remedy: 'put the replacement nearer to the function, or redirect its callers',
  },
  PAT078: {
    cause: 'epilogue is not possible for {name}: {what}',
    remedy:
      'patch its module with --epilogue and give the result with --modules; or merge the replacement (--with) and use direct, or use frame',
  },
  PAT080: {
    cause: '{object} is no trampoline: {what}',
    remedy: 'define __tocsin_trampoline with .globl at the start of its code; docs/custom.md shows how',
  },
  PAT081: {
    cause: '{object} names {name}, and there is no such placeholder',
    remedy:
      'there are __tocsin_target, __tocsin_original, __tocsin_continue and __tocsin_toc; other symbols need other names',
  },
  PAT082: {
    cause: '{name} lies in {section}, and a trampoline of your own outlives it',
    remedy: 'choose a function that stays for as long as its module does',
  },
  PAT270: {
    cause: '{object} names a placeholder for what it is not: {what}',
    remedy:
      'branch to __tocsin_continue with b, call __tocsin_target and __tocsin_original with bl, and use __tocsin_toc in the addresses that make r2; docs/custom.md shows how',
  },
  PAT271: {
    cause: '{object} does not name __tocsin_target, so whoever enters {name} would never reach {to}',
    remedy: 'name it in the object, or say --redirect {name}={name}',
  },
  PAT083: {
    cause: 'shadow needs its table, and the module does not have it',
    remedy:
      'merge runtime/shadow.o of the package (shadow-stack.o for a stack of the kernel) into the module first; the command line does that by itself',
  },
  PAT180: {
    cause: 'the second stack of tasks cannot be used: {what}',
    remedy:
      'give a kernel with CONFIG_LIVEPATCH (--kernel), or use --shadow-stack runtime; offsets can be given to tocsin kernel with --structure paca_struct.__current=BYTES and thread_info.livepatch_sp=BYTES',
  },
  PAT160: {
    cause: '{name} gets no epilogue, because its frame cannot be made larger: {what}',
    remedy: 'use --strategy frame for redirects to it, or merge it into the module (--with) and use direct',
  },
  PAT161: {
    cause: '{name} gets no epilogue: {what}, and a copy would go on in the original',
    remedy: 'build it without jump tables (-fno-jump-tables), or use --strategy frame',
  },
  PAT162: {
    cause: '{name} gets no epilogue: {what}',
    remedy: 'use --strategy frame for redirects to it, or merge it into the module (--with) and use direct',
  },
  PAT163: {
    cause: '{name} gets no epilogue, because it does not stand alone: {what}',
    remedy: 'build it without parts that are split off (-fno-reorder-blocks-and-partition), or use --strategy frame',
  },
  PAT164: {
    cause: '{name} gets no epilogue: {what} is not one that can be copied',
    remedy: 'use --strategy frame for redirects to it, or merge it into the module (--with) and use direct',
  },
  PAT165: {
    cause: '{name} gets no epilogue: it lies in {section}, which does not stay for as long as its module does',
    remedy: 'choose a function that stays',
  },
  PAT166: {
    cause: '{name} gets no epilogue: {what}',
    remedy: 'name a function that a compiler made, whose symbol has a size',
  },
  PAT167: {
    cause: 'no function that matches {name} can get an epilogue: {why}',
    remedy: 'see the codes with tocsin explain, or choose other functions',
  },
  PAT170: {
    cause:
      '{module} imports {name} from this module, so this one could import nothing from {module}: neither can be loaded first',
    remedy:
      'put the replacement into a module of its own that imports nothing from this one, or merge it (--with) and use direct',
  },
  PAT171: {
    cause: '{module} and {other} export one copy: the kernel refuses whichever is loaded second',
    remedy: 'give the one that will be loaded',
  },
  PAT172: {
    cause: '{file} is given with --modules, and is no module that exports anything',
    remedy: 'give the module that patch --epilogue has written',
  },
  PAT168: {
    cause: '{name} cannot be exported: {what}',
    remedy: 'leave it out; a function gets one epilogue',
  },
  PAT240: {
    cause: 'a pattern is given where one function is meant: {name}',
    remedy: 'name the functions one by one; the left side of --nop, --hook, --hook-exit and --epilogue takes patterns',
  },
  PAT210: {
    cause: '{added} bytes of new code are too many: branches may not reach across them ({size})',
    remedy: 'patch fewer functions at once, or link the module with smaller sections',
  },
} as const satisfies Record<string, RefusalFacts>;

export type RefusalCode = keyof typeof refusals;

export interface RefusalPlace {
  readonly section?: Section | undefined;
  readonly offset?: SectionOffset | undefined;
  readonly function?: string | undefined;
}

/** The refusal `code` with `values` in its message. */
export function refusal(
  code: RefusalCode,
  values: Readonly<Record<string, string>> = {},
  at: RefusalPlace = {},
): RefusalError {
  const { cause, remedy } = refusals[code];
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? '');
  return new RefusalError({
    code,
    message: fill(cause),
    section: at.section?.name,
    offset: at.section === undefined ? undefined : at.offset,
    function: at.function,
    remedy: fill(remedy),
  });
}
