import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { type CheckRun, checkDocuments, placeOf } from '../../../src/report/check/document.ts';
import { checkJunit } from '../../../src/report/check/junit.ts';
import { checkSarif } from '../../../src/report/check/sarif.ts';
import { checkTable } from '../../../src/report/check/table.ts';
import { parseDiagnostics } from '../../../src/report/diagnostics.ts';
import { type CheckResult, notJudged, passes } from '../../../src/verify/check/finding.ts';
import { root } from '../../support/samples.ts';

const NOTHING = notJudged(3);
const clean: CheckResult = {
  kind: 'module',
  loads: true,
  toc: NOTHING,
  findings: [],
  log: ['clean: hello'],
  module: 'clean',
  uses: [],
};
const refused: CheckResult = {
  kind: 'module',
  loads: false,
  errno: 'ENOEXEC',
  kernelMessage: 'bad: Expected nop after call, got <7c0802a6>\nbad: & so on',
  toc: NOTHING,
  findings: [
    { code: 'REL303', level: 'error', message: 'no "nop"\u001b', section: '.text', offset: 24, function: 'f' },
    { code: 'MOD201', level: 'warning', message: 'built for another', section: '.modinfo' },
    { code: 'MOD392', level: 'note', message: 'not sure' },
  ],
  log: ['bad: Expected nop after call, got <7c0802a6>'],
  module: 'bad',
  uses: [],
};
const run: CheckRun = {
  release: '6.1.0-50-powerpc64le',
  version: '1.2.3',
  files: [
    { file: 'a b/clean.ko', result: clean },
    { file: '/x/bäd#1.ko', result: refused },
    { file: 'gone.ko', complaint: { code: 'IO001', message: 'no such file', file: 'gone.ko' } },
  ],
};
const diagnostics = parseDiagnostics(readFileSync(`${root}docs/diagnostics.md`, 'utf8'));

describe('JSON', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(`${root}schemas/tocsin.check-1.schema.json`, 'utf8')),
  );

  it('has one object for each file that could be read, of the published schema', () => {
    const documents = checkDocuments(run);
    expect(documents).toHaveLength(2);
    for (const document of documents) expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    expect(documents[0]).toMatchObject({ schema: 'tocsin.check/1', loads: true, errno: null, kernelMessage: null });
    expect(documents[1]).toMatchObject({ loads: false, errno: 'ENOEXEC', kernelMessage: refused.kernelMessage });
  });

  it('of another form is not of the schema', () => {
    expect(validate({ ...checkDocuments(run)[0], loads: 'yes' })).toBe(false);
    expect(validate({ ...checkDocuments(run)[0], findings: [{ code: 'x', level: 'error', message: '' }] })).toBe(false);
  });
});

describe('places', () => {
  it.each([
    [{ section: '.text', offset: 24, function: 'f' }, '.text+0x18 (f)'],
    [{ section: '.text' }, '.text'],
    [{ offset: 16 }, '0x10'],
    [{ function: 'f' }, 'f'],
    [{}, ''],
  ])('%j', (parts, text) => {
    expect(placeOf({ code: 'TOC201', level: 'error', message: '', ...parts })).toBe(text);
  });
});

describe('the table', () => {
  const style = (name: string, text: string) => `<${name}>${text}`;
  const plain = (_style: string, text: string) => text;

  it('lists what is wrong and counts the rest', () => {
    const text = checkTable(run, { verbose: false, quiet: false, style: plain });
    expect(text.split('\n')).toEqual([
      '/x/bäd#1.ko: 6.1.0-50-powerpc64le refuses it (ENOEXEC)',
      '  kernel: bad: Expected nop after call, got <7c0802a6>',
      '  kernel: bad: & so on',
      '  error    .text+0x18 (f): no "nop"\\x1b [REL303]',
      '  warning  .modinfo: built for another [MOD201]',
      '  note     not sure [MOD392]',
      '3 files for 6.1.0-50-powerpc64le: 1 load, 1 refused, 1 not read; 1 error, 1 warning, 1 note',
      '',
    ]);
  });

  it("does not repeat the kernel's words, and cuts many", () => {
    const findings = [{ code: 'SYM301', level: 'error' as const, message: 'x: Unknown symbol s0 (err -2) (why)' }];
    const kernelMessage = Array.from({ length: 9 }, (_, i) => `x: Unknown symbol s${i} (err -2)`).join('\n');
    const many = { ...run, files: [{ file: 'x.ko', result: { ...refused, kernelMessage, findings } }] };
    const lines = checkTable(many, { verbose: false, quiet: false, style: plain }).split('\n');
    expect(lines.slice(1, 3)).toEqual([
      '  kernel: x: Unknown symbol s1 (err -2)',
      '  kernel: x: Unknown symbol s2 (err -2)',
    ]);
    expect(lines.slice(6, 8)).toEqual([
      '  kernel: … and 3 lines more (use --verbose)',
      '  error    x: Unknown symbol s0 (err -2) (why) [SYM301]',
    ]);
  });

  it('says of a single file that it is clean, unless it is to be quiet', () => {
    const single = { ...run, files: [run.files[0]!] };
    expect(checkTable(single, { verbose: false, quiet: false, style })).toBe(
      'a b/clean.ko: <good>6.1.0-50-powerpc64le loads it\n',
    );
    expect(checkTable(single, { verbose: true, quiet: false, style })).toContain('kernel: clean: hello');
    expect(checkTable(single, { verbose: false, quiet: true, style })).toBe('');
    expect(checkTable(run, { verbose: false, quiet: true, style })).not.toContain('3 files');
  });
});

/** The members that the SARIF 2.1.0 schema requires of the objects that are used, and the values it allows. */
describe('SARIF', () => {
  const sarif = checkSarif(run, diagnostics);
  const [only] = sarif.runs;

  it('has what the standard requires', () => {
    expect([sarif.version, sarif.$schema]).toEqual(['2.1.0', 'https://json.schemastore.org/sarif-2.1.0.json']);
    expect(only.tool.driver).toMatchObject({ name: 'tocsin', version: '1.2.3', semanticVersion: '1.2.3' });
    for (const rule of only.tool.driver.rules) {
      expect(rule.id).toMatch(/^[A-Z]+\d{3}$/);
      expect(rule.shortDescription?.text).toBe(diagnostics.get(rule.id)!.cause);
      expect(rule.help?.text).toContain(diagnostics.get(rule.id)!.remedy);
    }
    expect(new Set(only.tool.driver.rules.map(r => r.id)).size).toBe(only.tool.driver.rules.length);
    for (const result of only.results) {
      expect(['none', 'note', 'warning', 'error']).toContain(result.level);
      expect(result.message.text).not.toBe('');
      expect(only.tool.driver.rules[result.ruleIndex]!.id).toBe(result.ruleId);
      for (const { physicalLocation, logicalLocations } of result.locations) {
        const { uri, index } = physicalLocation.artifactLocation;
        expect(only.artifacts[index]!.location.uri).toBe(uri);
        expect(() => new URL(uri, 'file:///base/')).not.toThrow();
        for (const logical of logicalLocations ?? []) expect(logical.fullyQualifiedName).not.toBe('');
      }
    }
    expect(typeof only.invocations[0].executionSuccessful).toBe('boolean');
  });

  it('says every finding, where it is, and what could not be read', () => {
    expect(only.results.map(r => [r.ruleId, r.level])).toEqual([
      ['REL303', 'error'],
      ['MOD201', 'warning'],
      ['MOD392', 'note'],
    ]);
    expect(only.results[0]!.locations).toEqual([
      {
        physicalLocation: { artifactLocation: { uri: 'file:///x/b%C3%A4d%231.ko', index: 1 } },
        logicalLocations: [{ name: 'f', fullyQualifiedName: '.text+0x18 (f)', kind: 'function' }],
      },
    ]);
    expect(only.results[2]!.locations[0]).not.toHaveProperty('logicalLocations');
    expect(only.artifacts.map(a => a.location.uri)).toEqual(['a%20b/clean.ko', 'file:///x/b%C3%A4d%231.ko', 'gone.ko']);
    expect(only.invocations[0].executionSuccessful).toBe(false);
    expect(only.invocations[0].toolExecutionNotifications[0]!.descriptor.id).toBe('IO001');
  });
});

/** A module of which the prover has something to say. */
describe('findings of the prover', () => {
  const step = (offset: number, text: string, r2: string) => ({
    section: '.text',
    offset,
    word: '60000000',
    text,
    place: `f+0x${offset.toString(16)}`,
    r1: 'r1 at entry',
    r2,
  });
  const path = [
    step(8, 'mflr    r0', "the home's TOC"),
    step(12, 'bl      stub of g', "the home's TOC"),
    step(16, 'nop', 'wrong'),
    step(20, 'blr', 'wrong'),
  ];
  const place = { section: '.text', offset: 20, function: 'f' };
  const toc = {
    functions: 4,
    proved: 1,
    refuted: 1,
    unknown: 2,
    judged: true,
    assembly: { functions: 1, proved: 0, refuted: 0, unknown: 1 },
  };
  const bad: CheckResult = {
    ...clean,
    toc,
    findings: [
      { code: 'TOC002', level: 'error', message: 'f returns', verdict: 'refuted', ...place, path, callers: ['h'] },
      { code: 'PRV002', level: 'warning', message: 'not proved: i jumps', verdict: 'unknown', function: 'i', path },
      { code: 'PRV009', level: 'note', message: 'not proved: j', verdict: 'unknown', function: 'j' },
    ],
    explanation: {
      function: 'f',
      verdict: 'refuted',
      steps: path,
      relies: [],
      callers: [{ function: 'h', verdict: 'proved' }],
    },
  };
  const unknown: CheckResult = { ...bad, toc: { ...toc, refuted: 0, proved: 2 }, findings: bad.findings.slice(1) };
  const noted: CheckResult = { ...unknown, findings: bad.findings.slice(2) };
  const of = (result: CheckResult): CheckRun => ({ ...run, files: [{ file: 'x.ko', result }] });
  const plain = { verbose: false, quiet: false, style: (_style: string, text: string) => text };

  it('decide what passes: what is refuted, and what is compiled and unknown, does not', () => {
    expect([clean, refused, bad, unknown, noted].map(passes)).toEqual([true, false, false, false, true]);
    const failures = [bad, unknown, noted].map(r => checkJunit(of(r)).match(/<failure /g)?.length ?? 0);
    expect(failures).toEqual([1, 1, 0]);
  });

  it('are of the schema, path and explanation too', () => {
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
      JSON.parse(readFileSync(`${root}schemas/tocsin.check-1.schema.json`, 'utf8')),
    );
    for (const result of [bad, unknown, noted]) {
      const [document] = checkDocuments(of(result));
      expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  it('have a code flow in SARIF, with registers as its state', () => {
    const [first, second, third] = checkSarif(of(bad), diagnostics).runs[0].results;
    const flow = first!.codeFlows![0]!.threadFlows[0].locations;
    expect(flow.map(l => l.location.message.text)).toEqual(path.map(s => s.text));
    expect(flow.map(l => l.state.r2!.text)).toEqual(path.map(s => s.r2));
    expect(flow[2]!.location.logicalLocations![0]!.fullyQualifiedName).toBe('.text+0x10 (f+0x10)');
    expect(second).toHaveProperty('codeFlows');
    expect(third).not.toHaveProperty('codeFlows');
  });

  it('are counted in the line of the file, and shown where r2 turns', () => {
    const lines = checkTable(of(bad), plain).split('\n');
    expect(lines[0]).toBe(
      'x.ko: 6.1.0-50-powerpc64le loads it; 1 of 3 functions proved, 1 unknown, 1 refuted; hand-written: 0 of 1 proved, 1 unknown',
    );
    expect(lines[1]).toBe('  error    .text+0x14 (f): f returns [TOC002]');
    expect(lines.find(line => line.includes('nop'))).toContain('r2 = wrong');
    expect(lines).toContain('    f is called by h, and they go on with what it leaves');
    expect(lines.filter(line => line.includes('f is refuted'))).toHaveLength(1);
    expect(lines.at(-2)).toContain('through a pointer');
  });
});

describe('JUnit', () => {
  const xml = checkJunit(run);

  it('has a test case a file', () => {
    expect(xml.match(/<testcase /g)).toHaveLength(3);
    expect(xml).toContain('<testsuites name="tocsin check" tests="3" failures="1" errors="1">');
    expect(xml).toContain('name="a b/clean.ko"/>');
    expect(xml).toContain('type="REL303"');
    expect(xml).toContain('<error message="no such file" type="IO001">');
    expect(xml.match(/<failure /g)).toHaveLength(1);
  });

  it('is XML: balanced, escaped, without characters that XML cannot hold', () => {
    const tags: string[] = [];
    for (const [, close, name, selfClosing] of xml.matchAll(/<(\/?)([a-z-]+)(?:\s[^<>]*?)?(\/?)>/g)) {
      if (close === '/') expect(tags.pop()).toBe(name);
      else if (selfClosing !== '/') tags.push(name!);
    }
    expect(tags).toEqual([]);
    expect(xml).toContain('got &lt;7c0802a6&gt;&#10;bad: &amp; so on');
    expect(xml).toContain('no &quot;nop&quot;\ufffd');
    expect([...xml].filter(c => c < ' ' && c !== '\n')).toEqual([]);
  });
});
