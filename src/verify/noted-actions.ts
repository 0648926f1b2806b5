/** What the judges of notes share: the form of a fault, and which actions of a note can be judged at all, since it may hold anything. */
import type { PlannedAction } from '../plan/plan.ts';

export interface NotedFault {
  /** VER235: the note says what the files do not show. VER236: the script does not give the original back. */
  readonly code: 'VER235' | 'VER236';
  readonly message: string;
  readonly section?: string;
  readonly offset?: number;
  readonly function?: string;
}

export function lie(message: string): NotedFault {
  return { code: 'VER235', message };
}

const isText = (value: unknown) => typeof value === 'string';
const isPlace = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) % 4 === 0;
const isOneOf =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.includes(value);
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isMaybe = (is: (value: unknown) => boolean) => (value: unknown) => value === undefined || is(value);
const isNumber = (value: unknown) => Number.isSafeInteger(value);
const isRecord = (shape: Shape) => (value: unknown) =>
  typeof value === 'object' && value !== null && fits(value, shape);

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const FORMS = isOneOf('mprofile-kernel', 'mprofile-kernel-lr', 'patchable', 'patchable-out-of-line', 'pg');
const COMMON: Shape = { function: isText, aliases: isTexts, section: isText, offset: isPlace };
const BRANCH = { function: isText, section: isText, offset: isPlace, links: isOneOf(true, false) };
const REST = { section: isText, offset: isPlace, stands: isOneOf('original', 'continue', 'target') };
/** What each kind of action has to have to be judged. */
const SHAPES: Readonly<Record<PlannedAction['kind'], Shape>> = {
  nop: { ...COMMON, form: FORMS },
  redirect: {
    ...COMMON,
    to: isText,
    strategy: isOneOf('direct', 'epilogue', 'frame', 'shadow', 'custom'),
    at: isOneOf('after-site', 'site', 'global-entry', 'local-entry'),
    form: isMaybe(FORMS),
    branch: isMaybe(isOneOf('long', 'island')),
    branches: isMaybe(value => Array.isArray(value) && value.every(isRecord(BRANCH))),
    custom: isMaybe(isRecord({ entry: isText, places: value => Array.isArray(value) && value.every(isRecord(REST)) })),
    copy: isMaybe(isRecord({ symbol: isText, module: isText })),
    stack: isMaybe(isRecord({ threadInfo: isNumber, sp: isNumber })),
  },
  hook: {
    ...COMMON,
    before: isMaybe(isText),
    after: isMaybe(isText),
    at: isOneOf('after-site', 'site'),
    ip: isPlace,
    form: FORMS,
  },
  retarget: { ...COMMON, call: isText, to: isText, links: isOneOf(true, false), branch: isMaybe(isOneOf('island')) },
  epilogue: {
    ...COMMON,
    symbol: isText,
    body: isPlace,
    gplOnly: isOneOf(true, false),
    namespace: isText,
    crc: isNumber,
  },
};

function fits(value: object, shape: Shape): boolean {
  return Object.entries(shape).every(([field, is]) => is((value as Record<string, unknown>)[field]));
}

export function isAction(value: unknown): value is PlannedAction {
  const kind = (value as { kind?: unknown } | null)?.kind;
  return (
    typeof kind === 'string' && Object.hasOwn(SHAPES, kind) && isRecord(SHAPES[kind as PlannedAction['kind']])(value)
  );
}
