/** The options of `patch`, for yargs. */
import type { Argv } from 'yargs';
import { SIGNING_HASHES } from '../sign/hashes.ts';

export function patchOptions<T>(y: Argv<T>) {
  return y
    .positional('files', { describe: 'FILE: .ko, .o or vmlinux, also packed', type: 'string', array: true })
    .option('output', { alias: 'o', describe: 'where the result goes', type: 'string', requiresArg: true })
    .option('nop', {
      describe: 'take the call sites of these functions out (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('redirect', {
      describe: 'F=G: whoever calls F reaches G (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('hook', {
      describe: 'GLOB=H: H(ip, parent_ip) is called before these functions (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('hook-exit', {
      describe: 'GLOB=H: H(ip, parent_ip, result) is called when these functions have returned (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('retarget', {
      describe: 'F:CALL=G: calls of CALL in F lead to G; F:+0xOFFSET=G for one of them (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('epilogue', {
      describe: "GLOB: these functions get a copy, exported, that keeps its caller's r2 (repeatable)",
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('with', {
      describe: 'OBJECT.o that becomes part of the module first (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('plan', {
      describe: 'what to do, as YAML or JSON; for FILE, or for the modules that it names',
      type: 'string',
      requiresArg: true,
    })
    .option('strategy', {
      describe: 'how a redirect keeps r2 right: auto, direct, epilogue, frame, shadow, or custom:FILE.o',
      type: 'string',
      requiresArg: true,
      defaultDescription: 'auto',
    })
    .option('toc', {
      describe: 'how frame, shadow and hooks of other modules get r2 back',
      choices: ['recomputed', 'saved'] as const,
      requiresArg: true,
      defaultDescription: 'recomputed',
    })
    .option('shadow-stack', {
      describe:
        "where shadow keeps what comes back: the kernel's livepatch stack (auto: where --kernel has one) or a table",
      choices: ['auto', 'kernel', 'runtime'] as const,
      requiresArg: true,
      defaultDescription: 'auto',
    })
    .option('at', {
      describe:
        'where F is redirected (after-site; for hooks site where that cannot be); at an entry: some callers only',
      choices: ['after-site', 'site', 'global-entry', 'local-entry'] as const,
      requiresArg: true,
    })
    .option('symvers', {
      describe: 'Module.symvers with the versions of new imports (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('modules', {
      describe: 'module that is loaded before FILE: its exports, and its proof for --strategy epilogue (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('kernel', {
      describe: 'kernel that the result is for: index, vmlinux or release',
      type: 'string',
      requiresArg: true,
    })
    .option('allow-unproved', {
      describe: 'write what is not proved, or has an import without version',
      type: 'boolean',
      defaultDescription: 'false',
    })
    .option('sign-key', {
      describe: 'sign the result with this private key (PEM; passphrase in KBUILD_SIGN_PIN)',
      type: 'string',
      requiresArg: true,
    })
    .option('sign-cert', { describe: "the key's certificate (PEM or DER)", type: 'string', requiresArg: true })
    .option('sign-hash', {
      describe: "the kernel's CONFIG_MODULE_SIG_HASH",
      choices: SIGNING_HASHES,
      requiresArg: true,
      default: 'sha256' as const,
    })
    .option('dry-run', { describe: 'print the plan, write nothing', type: 'boolean', default: false })
    .option('report', {
      describe: 'also write a report to this file (.json, .txt, or .symvers: new exports)',
      type: 'string',
      requiresArg: true,
    })
    .option('format', {
      describe: 'how to print',
      choices: ['text', 'json', 'ndjson'] as const,
      requiresArg: true,
      default: 'text' as const,
    })
    .option('force', { describe: 'replace a write-protected OUT', type: 'boolean', default: false })
    .example("$0 patch demo.ko -o out.ko --nop 'demo_*'", 'no tracer calls in these functions')
    .example('$0 patch demo.ko -o out.ko --redirect demo_add=fix_add', 'replace a function by one of another module')
    .example("$0 patch demo.ko -o out.ko --hook 'demo_*=fix_enter'", 'call a function of another module before these')
    .example('$0 patch demo.ko -o out.ko --hook-exit demo_add=fix_leave', 'call one that sees what demo_add returned')
    .example('$0 patch demo.ko -o out.ko --retarget demo_run:demo_add=fix_add', 'change what one function calls')
    .example('$0 patch demo.ko -o out.ko --with fix.o --redirect demo_add=add', 'replace it by one of an object')
    .example("$0 patch demo.ko -o out.ko --nop '*' --sign-key key.pem --sign-cert cert.pem", 'sign what is written')
    .example('$0 patch --plan fixes.yaml', 'patch the modules that a file names, as it says')
    .example('$0 patch demo.ko --dry-run --redirect demo_add=demo_sub', 'show each word before and after');
}
