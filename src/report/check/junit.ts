/** A check as JUnit XML, as build servers read it: a test case a file, failed where there is an error, in error where it could not be read. */
import { formatComplaint } from '../../util/errors.ts';
import type { CheckResult } from '../../verify/check/finding.ts';
import { type CheckRun, placeOf } from './document.ts';

export function checkJunit(run: CheckRun): string {
  let failures = 0;
  let errors = 0;
  const cases: string[] = [];
  for (const f of run.files) {
    const head = `    <testcase classname="${xml(`tocsin.check.${run.release}`)}" name="${xml(f.file)}"`;
    if ('complaint' in f) {
      errors++;
      const { code } = f.complaint;
      cases.push(
        `${head}>\n      <error message="${xml(f.complaint.message)}" type="${xml(code)}">${xml(formatComplaint(f.complaint))}</error>\n    </testcase>`,
      );
      continue;
    }
    const bad = f.result.findings.filter(x => x.level === 'error');
    if (bad.length > 0) failures++;
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
  const errors = result.findings.filter(f => f.level === 'error');
  const [first] = errors;
  if (first === undefined) return '';
  const said = result.kernelMessage === undefined ? [] : [`kernel: ${result.kernelMessage}`];
  const text = [...said, ...errors.map(line)].join('\n');
  return `      <failure message="${xml(first.message)}" type="${xml(first.code)}">${xml(text)}</failure>`;
}

/** Warnings and notes are told, and fail nothing. */
function others(result: CheckResult): string {
  const rest = result.findings.filter(f => f.level !== 'error');
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
