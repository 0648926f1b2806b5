/**
 * Which code a line of the kernel's log stands for. The patterns are the messages of kernel/module/*, module_64.c and
 * livepatch/core.c of 6.1, 6.12 and 7.2; a refusal in words that no row knows has the code MOD390.
 */

export interface KnownMessage {
  readonly code: string;
  readonly pattern: RegExp;
  /** Said where the kernel goes on all the same. */
  readonly passes?: 'warning' | 'note';
}

const row = (code: string, pattern: RegExp, passes?: 'warning' | 'note'): KnownMessage => ({
  code,
  pattern,
  ...(passes && { passes }),
});

/** The first row that fits decides. */
const KERNEL_MESSAGES: readonly KnownMessage[] = [
  row('SYM301', /: Unknown symbol (?<symbol>\S+) \(err -?\d+\)$/),
  row('SYM303', /: disagrees about version of symbol (?<symbol>\S+)$/),
  row('SYM304', /: no (?:extended )?symbol version for (?<symbol>\S+)$/),
  row(
    'SYM305',
    /: module uses symbol (?:\((?<symbol>[^)]*)\) )?from namespace \S+, but does not import it\.$/,
    'warning',
  ),
  row('SYM305', /: module tries to import module namespace: /),
  row('SYM306', /: exports duplicate symbol (?<symbol>\S+) \(owned by /),
  row('SYM307', /: please compile with -fno-common$/),
  row('SYM308', /: module using GPL-only symbols uses symbols .* from proprietary module /),
  row('SYM309', /: gave up waiting for init of module /),
  row('SYM310', /extended version crc|symbol name out of bounds in string table/),
  row('SYM311', /: no flags for exported symbols$|: ignoring obsolete section /, 'warning'),
  row('MOD301', /: version magic '.*' should be '/),
  row('MOD302', /Only one \.modinfo section must exist|missing \.modinfo section or name field/),
  row(
    'MOD303',
    /: (?:`.*' )?(?:too large|invalid) for parameter `|: Unknown parameter `|: can only take \d+ arg|: needs at least \d+ arg/,
  ),
  row('MOD303', /: string parameter too long$|: string doesn't fit in \d+ chars\.$/),
  row('MOD304', / is blacklisted$/),
  row('MOD305', /: has both \.ctors and \.init_array\.$/),
  row('MOD306', /: Could not allocate \d+ bytes percpu data$/),
  row('MOD306', /: per-cpu alignment -?\d+ > -?\d+$/, 'warning'),
  row('MOD307', /: module is already loaded$/),
  row('MOD308', /: unknown parameter '.*' ignored$|: parameters '.*' after `--' ignored$/, 'warning'),
  row('MOD309', /: Ignoring obsolete parameters$/, 'warning'),
  row('ELF301', /^Invalid ELF header |^Invalid (?:module )?architecture in ELF header: /),
  row('ELF302', /^Invalid ELF section (?:header|name|hdr|in module)|^Invalid ELF sh_link/),
  row('ELF302', /^empty section name table$|^ELF Spec violation: /),
  row('ELF303', /: Symbol .* has an invalid section index|symbol string table|^Invalid ELF symbol string table type/),
  row('ELF304', /: No module found in object$|\.gnu\.linkonce\.this_module /),
  row('ELF305', /: module has no symbols \(stripped\?\)$/),
  row('ELF306', /: section .* \(index \d+\) has invalid WRITE\|EXEC flags$/),
  row('REL301', /: Unknown ADD relocation: /),
  row('REL302', /: bad TOC16\S* relocation \(|: REL\d+ -?\d+ out of range!$/),
  row(
    'REL302',
    / out of range of 34-bit relative address\.$|: Address \S+ of (?:stub|jump_label|.* ) ?out of range of /,
  ),
  row('REL303', /: Expected nop after call, got /),
  row('REL304', /: doesn't contain \.(?:stubs|mygot)\.$/),
  row('REL305', /: Address of \S+ out of range of kernel_toc\.$|of stub entry is not 8-byte aligned$/),
  row('REL306', /: Invalid relocation target, existing value is nonzero/),
  row(
    'FTR301',
    /: ftrace ool stub out of range |Unexpected (?:call sequence|instruction) |Not expected bl: /,
    'warning',
  ),
  row('SIG301', /^Loading of .* is rejected$/),
  row('SIG303', /^PKCS7: (?!Unknown OID)|^PKCS#7 signature with non-detached data$|^module: PKCS#7 signature info /),
  row('KLP301', /: module is marked as livepatch module, but livepatch support is disabled/),
  row('KLP302', /symbol \S+ (?:at rela sec \d+ idx \d+ )?is not marked as a livepatch symbol$/),
  row('KLP303', /(?:symbol|section) \S+ has an incorrectly formatted name$/),
  row('KLP304', /^(?:livepatch: )?symbol '.*' not found in symbol table$/),
  row('KLP304', /unresolvable ambiguity for symbol '|symbol position \d+ for symbol '/),
  row('KLP306', /^livepatch: module \S+ is not marked as a livepatch module$/),
  row('KLP305', /invalid access to vmlinux symbol '/),
];

/** Said of most modules, and nothing that a check is about. */
const TAINT = /taint(?:s|ing) kernel\.?$/;

/** What is known of a line; `symbol` is the name in it, if it names one. */
export function knownMessage(text: string): { readonly known: KnownMessage; readonly symbol?: string } | undefined {
  if (TAINT.test(text)) return undefined;
  for (const known of KERNEL_MESSAGES) {
    const match = known.pattern.exec(text);
    if (match === null) continue;
    const symbol = match.groups?.symbol;
    return symbol === undefined ? { known } : { known, symbol };
  }
  return undefined;
}
