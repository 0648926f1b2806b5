/** The quick path reads plain command lines without yargs. Where it takes one, both ways have to mean the same. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { quickPatch, quickScan } from '../../../src/cli/quick.ts';

const captured = vi.hoisted(() => ({ arguments: undefined as unknown, stderr: '' }));

const capture = async (args: unknown) => {
  captured.arguments = args;
  return 0;
};
vi.mock('../../../src/cli/commands/scan.ts', () => ({ scanCommand: capture }));
vi.mock('../../../src/cli/commands/patch.ts', () => ({ patchCommand: capture }));
vi.mock('../../../src/cli/terminal.ts', () => ({
  print: () => {},
  note: (text: string) => {
    captured.stderr = text;
  },
  report: (error: unknown) => {
    throw error;
  },
}));

beforeEach(() => {
  captured.arguments = undefined;
});

/** What yargs makes of a command line; `undefined` where it does not come to the command. */
async function throughYargs(args: readonly string[]): Promise<unknown> {
  captured.arguments = undefined;
  await main(args);
  return captured.arguments;
}

/** Keys that one of the two leaves out count as undefined; colours are not for a scan to say. */
function comparable(value: unknown): Record<string, unknown> {
  const entries = Object.entries(value as object).filter(
    ([key, v]) => v !== undefined && key !== 'color' && key !== 'verbose',
  );
  return Object.fromEntries(entries);
}

const SPECIAL = [
  'true',
  'false',
  'help',
  'completion',
  'scan',
  'patch',
  '1',
  '0x10',
  '1e3',
  '"quoted"',
  "'quoted'",
  '"',
  'a b',
  '=',
  'x=y',
  '*',
  'null',
  '[a]',
  'a,b',
  '.',
  'a.b',
  'no-color',
  '$0',
  '-',
  '--',
];
const text = fc.oneof(
  fc.constantFrom(...SPECIAL),
  fc.constantFrom('a.ko', 'b.ko', '/x/y.ko'),
  fc.string({ maxLength: 6 }),
);
const scanWord = fc.oneof(
  text,
  fc.constantFrom(
    '--summary',
    '--calls',
    '--quiet',
    '--functions',
    '--format',
    'table',
    'json',
    'ndjson',
    'xml',
    '--verbose',
    '-j',
    '2',
    '--format=json',
    '--no-color',
    '--no-summary',
    '-h',
    '--help',
  ),
);
const patchWord = fc.oneof(
  text,
  fc.constantFrom(
    '--nop',
    '--redirect',
    'F=G',
    '-o',
    'out.ko',
    '--dry-run',
    '--strategy',
    'auto',
    'frame',
    '--toc',
    'saved',
    '--at',
    'site',
    '--format',
    'json',
    'text',
    '--report',
    '--force',
    '--quiet',
    '--verbose',
    '--allow-unproved',
    '--symvers',
    '--output',
  ),
);

async function agree(args: readonly string[], quick: (args: readonly string[]) => unknown): Promise<boolean> {
  const short = quick(args);
  if (short === undefined) return false;
  const long = await throughYargs(args);
  expect(long, `${JSON.stringify(args)}: ${captured.stderr}`).toBeDefined();
  expect(comparable(short), JSON.stringify(args)).toEqual(comparable(long));
  return true;
}

describe('the quick path', () => {
  it.each([
    ['scan', 'a.ko'],
    ['scan', 'a.ko', '/b', '--summary', '--calls', '--quiet'],
    ['scan', '--functions', 'f*', '--format', 'ndjson', 'a.ko'],
    ['scan', '--format', 'table', 'x'],
  ])('takes %j %j %j %j', async (...args) => {
    expect(await agree(args, quickScan)).toBe(true);
  });

  it.each([
    ['patch', 'a.ko', '-o', 'b.ko', '--nop', 'f'],
    ['patch', 'a.ko', '--dry-run', '--nop', 'f', '--nop', 'g', '--redirect', 'F=G'],
    [
      'patch',
      '--redirect',
      'F=G',
      '--strategy',
      'frame',
      '--at',
      'site',
      '--toc',
      'saved',
      'a.ko',
      '-o',
      'x',
      '--force',
    ],
  ])('takes %j %j %j %j %j', async (...args) => {
    expect(await agree(args, quickPatch)).toBe(true);
  });

  it.each([
    [],
    ['scan'],
    ['scan', ''],
    ['scan', '-'],
    ['scan', '--', '-x'],
    ['scan', 'a', '--summary', '--summary'],
    ['scan', 'a', '--format', 'xml'],
    ['scan', 'a', '--functions'],
    ['scan', 'a', '--functions', '-x'],
    ['scan', 'a', '--help'],
    ['scan', 'true'],
    ['scan', '"a.ko"'],
    ['scan', 'help'],
    ['diff', 'a', 'b'],
  ])('leaves %j %j %j %j to yargs', (...args) => {
    expect(quickScan(args)).toBeUndefined();
  });

  it('means what yargs means, for any scan that it takes', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(scanWord, { maxLength: 6 }), async rest => {
        if (await agree(['scan', ...rest], quickScan)) taken++;
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  it('means what yargs means, for any patch that it takes', async () => {
    const plain = fc.constantFrom(
      ['patch', 'a.ko', '--dry-run', '--nop', 'f'],
      ['patch', 'a.ko', '-o', 'out', '--redirect', 'f=g'],
      ['patch', '--nop', 'f'],
      ['patch'],
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(plain, fc.array(patchWord, { maxLength: 5 }), async (start, rest) => {
        if (await agree([...start, ...rest], quickPatch)) taken++;
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});
