/**
 * A check as SARIF 2.1.0 (OASIS), the subset that code scanners read: one run, a rule for each code that occurs, a result for
 * each finding. Offsets in a finding count from a section's start, which no SARIF region can say, so they are logical locations.
 */
import { formatComplaint } from '../../util/errors.ts';
import type { CheckFinding } from '../../verify/check/finding.ts';
import type { PathStep } from '../../verify/proof/proof.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { type CheckRun, placeOf } from './document.ts';

interface Message {
  readonly text: string;
}

interface ReportingDescriptor {
  readonly id: string;
  readonly shortDescription?: Message;
  readonly help?: Message;
}

interface LogicalLocation {
  readonly name?: string;
  readonly fullyQualifiedName: string;
  readonly kind: 'function' | 'module';
}

interface Location {
  readonly physicalLocation: { readonly artifactLocation: { readonly uri: string; readonly index: number } };
  readonly logicalLocations?: readonly LogicalLocation[];
}

interface ThreadFlowLocation {
  readonly location: Location & { readonly message: Message };
  readonly state: Readonly<Record<string, Message>>;
}

interface CodeFlow {
  readonly message: Message;
  readonly threadFlows: readonly [{ readonly locations: readonly ThreadFlowLocation[] }];
}

interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: CheckFinding['level'];
  readonly message: Message;
  readonly locations: readonly Location[];
  readonly codeFlows?: readonly CodeFlow[];
}

interface Notification {
  readonly level: 'error';
  readonly message: Message;
  readonly descriptor: { readonly id: string };
}

export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly [
    {
      readonly tool: {
        readonly driver: {
          readonly name: string;
          readonly version: string;
          readonly semanticVersion: string;
          readonly rules: readonly ReportingDescriptor[];
        };
      };
      readonly invocations: readonly [
        { readonly executionSuccessful: boolean; readonly toolExecutionNotifications: readonly Notification[] },
      ];
      readonly artifacts: readonly { readonly location: { readonly uri: string } }[];
      readonly results: readonly SarifResult[];
      readonly columnKind: 'utf16CodeUnits';
      readonly properties: { readonly kernel: string | null };
    },
  ];
}

export function checkSarif(run: CheckRun, diagnostics: ReadonlyMap<string, Diagnostic>): SarifLog {
  const rules: ReportingDescriptor[] = [];
  const ruleIndexes = new Map<string, number>();
  const ruleIndex = (code: string): number => {
    let index = ruleIndexes.get(code);
    if (index === undefined) {
      index = rules.push(rule(code, diagnostics.get(code))) - 1;
      ruleIndexes.set(code, index);
    }
    return index;
  };
  const results: SarifResult[] = [];
  const notifications: Notification[] = [];
  run.files.forEach((f, artifact) => {
    if ('complaint' in f) {
      notifications.push({
        level: 'error',
        message: { text: formatComplaint(f.complaint) },
        descriptor: { id: f.complaint.code },
      });
      return;
    }
    for (const finding of f.result.findings)
      results.push({
        ruleId: finding.code,
        ruleIndex: ruleIndex(finding.code),
        level: finding.level,
        message: { text: finding.message },
        locations: [location(f.file, artifact, finding)],
        ...(finding.path !== undefined && { codeFlows: [codeFlow(f.file, artifact, finding.path)] }),
      });
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'tocsin', version: run.version, semanticVersion: run.version, rules } },
        invocations: [{ executionSuccessful: notifications.length === 0, toolExecutionNotifications: notifications }],
        artifacts: run.files.map(({ file }) => ({ location: { uri: uriOf(file) } })),
        results,
        columnKind: 'utf16CodeUnits',
        properties: { kernel: run.release === '' ? null : run.release },
      },
    ],
  };
}

function rule(code: string, known: Diagnostic | undefined): ReportingDescriptor {
  if (known === undefined) return { id: code };
  return {
    id: code,
    shortDescription: { text: known.cause },
    help: { text: `${known.cause}. Remedy: ${known.remedy}` },
  };
}

function location(file: string, index: number, finding: CheckFinding): Location {
  const place = placeOf(finding);
  const physicalLocation = { artifactLocation: { uri: uriOf(file), index } };
  if (place === '') return { physicalLocation };
  const logical: LogicalLocation =
    finding.function === undefined
      ? { fullyQualifiedName: place, kind: 'module' }
      : { name: finding.function, fullyQualifiedName: place, kind: 'function' };
  return { physicalLocation, logicalLocations: [logical] };
}

/** The path of a finding, instruction by instruction, with the registers before each as the state. */
function codeFlow(file: string, index: number, path: readonly PathStep[]): CodeFlow {
  const physicalLocation = { artifactLocation: { uri: uriOf(file), index } };
  const locations = path.map(({ section, offset, place, text, r1, r2, register }) => ({
    location: {
      physicalLocation,
      logicalLocations: [
        {
          name: place,
          fullyQualifiedName: `${section}+0x${offset.toString(16)} (${place})`,
          kind: 'function' as const,
        },
      ],
      message: { text },
    },
    state: {
      r1: { text: r1 },
      r2: { text: r2 },
      ...(register !== undefined && { [register.name]: { text: register.value } }),
    },
  }));
  return {
    message: { text: 'instructions on the way there, with what is known before each' },
    threadFlows: [{ locations }],
  };
}

/** A URI reference (RFC 3986): relative for a relative path. A first segment with a colon would be taken for a scheme. */
function uriOf(file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${path}` : path;
}
