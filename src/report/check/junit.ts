/** A check as JUnit XML, as build servers read it: a test case a file, failed where it does not pass, in error where it could not be read. */
import { formatComplaint } from '../../util/errors.ts';
import { type CheckResult, isFailure, passes } from '../../verify/check/finding.ts';
import { type CheckRun, placeOf } from './document.ts';
import { pathLines } from './path.ts';

export function checkJunit(run: CheckRun): string {
  let failures = 0;
  let errors = 0;
  const cases: string[] = [];
  for (const f of run.files) {
    const head = `    <testcase classname="${xml(run.release === '' ? 'tocsin.check' : `tocsin.check.${run.release}`)}" name="${xml(f.file)}"`;
    if ('complaint' in f) {
      errors++;
      const { code } = f.complaint;
      cases.push(
        `${head}>\n      <error message="${xml(f.complaint.message)}" type="${xml(code)}">${xml(formatComplaint(f.complaint))}</error>\n    </testcase>`,
      );
      continue;
    }
    if (!passes(f.result)) failures++;
    const body = [failure(f.result), others(f.result)].filter(text => text !== '');
    cases.push(body.length === 0 ? `${head}/>` : `${head}>\n${body.join('\n')}\n    </testcase>`);
  }
  const counts = `tests="${run.files.length}" failures="${failures}" errors="${errors}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tocsin check" ${counts}>`,
    `  <testsuite name="${xml(run.release)}" ${counts} skipped="0">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function failure(result: CheckResult): string {
  const errors = result.findings.filter(isFailure);
  const [first] = errors;
  if (first === undefined) return '';
  const said = result.kernelMessage === undefined ? [] : [`kernel: ${result.kernelMessage}`];
  const text = [...said, ...errors.flatMap(f => [line(f), ...pathLines(f.path ?? [], false)])].join('\n');
  return `      <failure message="${xml(first.message)}" type="${xml(first.code)}">${xml(text)}</failure>`;
}

/** What does not decide the exit code is told, and fails nothing. */
function others(result: CheckResult): string {
  const rest = result.findings.filter(f => !isFailure(f));
  return rest.length === 0 ? '' : `      <system-out>${xml(rest.map(line).join('\n'))}</system-out>`;
}

function line(finding: CheckResult['findings'][number]): string {
  const place = placeOf(finding);
  return `${finding.level}: ${place === '' ? '' : `${place}: `}${finding.message} [${finding.code}]`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};
/** XML 1.0 has no way to write control characters and lone surrogates at all. */
const UNWRITABLE = /(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/gu;

function xml(text: string): string {
  return text.replace(UNWRITABLE, '\ufffd').replace(/[&<>"\n]/g, c => ENTITIES[c]!);
}
