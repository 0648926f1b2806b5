/** What the kernel said, as findings: each line of its log that stands for something has a code, and many a reason is known better here. */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { LoadedModule, LoadOutcome } from '../../loader/model.ts';
import { vermagicDifference } from './audits/vermagic.ts';
import type { Findings } from './finding.ts';
import { knownMessage } from './kernel-messages.ts';
import { livepatchTargets, type Subject } from './subject.ts';

const UNKNOWN_SYMBOL = 'SYM301';
/** Codes after which the kernel also calls the symbol unknown. */
const WHY_UNKNOWN = ['SYM303', 'SYM304', 'SYM305', 'SYM308', 'SYM309'];

const SIGNATURE_STEP = 'module_sig_check';

interface Context {
  readonly kernel: KernelKnowledge;
  readonly exporterOf: (symbol: string) => LoadedModule | undefined;
  /** Absent where the file cannot be read as an object. */
  readonly subject: Subject | undefined;
}

/** @returns the kernel's words of refusal, a line each; `undefined` where the module loads or the kernel says nothing */
export function tellOutcome(outcome: LoadOutcome, context: Context, findings: Findings): string | undefined {
  const said: string[] = [];
  const explained = new Set<string>();
  for (const { text } of outcome.log) {
    const found = knownMessage(text);
    if (found === undefined) continue;
    const { known, symbol } = found;
    const isRefusal = !outcome.loads && (known.passes === undefined || known.code === 'SYM305');
    if (outcome.loads && known.passes === undefined) continue;
    if (isRefusal) said.push(text);
    if (symbol !== undefined && WHY_UNKNOWN.includes(known.code)) explained.add(symbol);
    if (known.code === UNKNOWN_SYMBOL && explained.has(symbol!)) continue;
    const { code, reason } = reasonOf(known.code, text, symbol, context);
    findings.add({
      code,
      level: isRefusal ? 'error' : known.passes!,
      message: reason === '' ? text : `${text} (${reason})`,
    });
  }
  if (outcome.loads) return undefined;
  if (said.length === 0) return tellOther(outcome, findings);
  return said.join('\n');
}

/** A refusal without a message, or in words that have no code. */
function tellOther(outcome: LoadOutcome, findings: Findings): string | undefined {
  const lines = outcome.log.filter(l => l.level === 'err' || l.level === 'warning').map(l => l.text);
  const errno = outcome.errno?.name ?? 'an error';
  const bySignature = outcome.step === SIGNATURE_STEP;
  if (bySignature && outcome.remarks.some(({ code }) => code === 'SIG303')) return undefined;
  const step = outcome.step === undefined || outcome.step === '' ? '' : `, in the step "${outcome.step}"`;
  findings.add({
    code: bySignature ? 'SIG303' : 'MOD390',
    level: 'error',
    message:
      lines.length === 0
        ? `the kernel refuses it with ${errno} and says nothing${step}`
        : `the kernel refuses it with ${errno}${step}: ${lines.at(-1)}`,
  });
  return lines.length === 0 ? undefined : lines.join('\n');
}

function reasonOf(
  code: string,
  text: string,
  symbol: string | undefined,
  context: Context,
): { readonly code: string; readonly reason: string } {
  const { kernel, subject } = context;
  if (code === UNKNOWN_SYMBOL && symbol !== undefined) return unknownSymbol(symbol, text, context);
  if (code === 'MOD301') {
    const own = subject?.modinfo('vermagic');
    return { code, reason: own === undefined ? '' : vermagicDifference(own, kernel.vermagic) };
  }
  return { code, reason: '' };
}

/** A symbol of none of the modules that it waits for is really unknown. */
function missingFromModule(symbol: string, subject: Subject | undefined) {
  const targets = subject === undefined ? [] : livepatchTargets(subject.elf);
  const owner = targets.find(name => (subject!.symbolsOfModule(name, symbol) ?? 0) > 0);
  if (owner === undefined) return { code: UNKNOWN_SYMBOL, reason: '' };
  return { code: 'KLP213', reason: `${owner} has it but does not export it: its livepatch relocation is missing` };
}

function unknownSymbol(
  symbol: string,
  text: string,
  { kernel, exporterOf, subject }: Context,
): { readonly code: string; readonly reason: string } {
  if (!text.endsWith('(err -2)')) return { code: UNKNOWN_SYMBOL, reason: '' };
  const index = kernel.exports.find(symbol);
  if (index >= 0 && kernel.exports.gplOnly(index))
    return { code: 'SYM302', reason: 'the kernel exports it to modules with a GPL-compatible licence only' };
  const exporter = exporterOf(symbol);
  if (exporter?.exports.get(symbol)?.gplOnly === true)
    return { code: 'SYM302', reason: `${exporter.name} exports it to modules with a GPL-compatible licence only` };
  if (kernel.symbols.find(symbol).length === 0) return missingFromModule(symbol, subject);
  if (subject?.modinfo('livepatch') !== undefined)
    return { code: 'KLP213', reason: 'the kernel has it but does not export it: its livepatch relocation is missing' };
  return { code: UNKNOWN_SYMBOL, reason: 'the kernel has it but does not export it' };
}
