/** Who goes on with what a refuted function leaves: its callers in the other modules that were given. */
import { readElf } from '../../elf/read.ts';
import { readObject } from '../../io/read.ts';
import type { CheckedFile } from '../../report/check/document.ts';
import { scanObject } from '../../sites/scan.ts';
import { InputError } from '../../util/errors.ts';
import type { CheckFinding, CheckResult } from '../../verify/check/finding.ts';

interface Judged {
  readonly file: string;
  readonly result: CheckResult;
}

/** The same files, with `NAME [MODULE]` behind the callers of each refuted function that another module imports. */
export async function withOutsideCallers(checked: readonly CheckedFile[]): Promise<readonly CheckedFile[]> {
  const judged = checked.filter(c => 'result' in c);
  const callsOf = new Map<string, ReadonlyMap<string, readonly string[]>>();
  const told: CheckedFile[] = [];
  for (const file of checked) {
    if (!('result' in file) || !file.result.findings.some(isRefuted)) {
      told.push(file);
      continue;
    }
    const { result } = file;
    const importers = judged.filter(j => j.result.uses.includes(result.module));
    for (const { file: path } of importers) if (!callsOf.has(path)) callsOf.set(path, await externalCalls(path));
    const findings = result.findings.map(f => (isRefuted(f) ? withCallers(f, importers, callsOf) : f));
    told.push({ file: file.file, result: { ...result, findings } });
  }
  return told;
}

const isRefuted = ({ verdict }: CheckFinding) => verdict === 'refuted';

function withCallers(
  finding: CheckFinding,
  importers: readonly Judged[],
  callsOf: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
): CheckFinding {
  const outside = importers.flatMap(({ file, result }) =>
    (callsOf.get(file)?.get(finding.function ?? '') ?? []).map(name => `${name} [${result.module}]`),
  );
  return outside.length === 0 ? finding : { ...finding, callers: [...(finding.callers ?? []), ...outside] };
}

/** By the name of what is called: the functions of a module that call it, each once. A file that is gone by now has none. */
async function externalCalls(path: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const callers = new Map<string, Set<string>>();
  try {
    const elf = readElf((await readObject(path)).bytes);
    for (const { from, to, edge } of scanObject(elf, { calls: true }).calls ?? []) {
      if (edge !== 'external' || to === null) continue;
      const list = callers.get(to) ?? new Set();
      callers.set(to, list.add(from ?? '?'));
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  return new Map([...callers].map(([to, from]) => [to, [...from]]));
}
