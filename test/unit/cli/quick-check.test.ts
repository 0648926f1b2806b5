/** As quick.test.ts, for `check`: where the quick path takes a command line, yargs has to mean the same. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { quickCheck } from '../../../src/cli/quick-check.ts';

const captured = vi.hoisted(() => ({ arguments: undefined as unknown }));

vi.mock('../../../src/cli/commands/check.ts', () => ({
  checkCommand: async (args: unknown) => {
    captured.arguments = args;
    return 0;
  },
}));
vi.mock('../../../src/cli/terminal.ts', () => ({
  print: () => {},
  note: () => {},
  report: (error: unknown) => {
    throw error;
  },
}));

async function throughYargs(args: readonly string[]): Promise<unknown> {
  captured.arguments = undefined;
  await main(args);
  return captured.arguments;
}

const comparable = (value: unknown) =>
  Object.fromEntries(Object.entries(value as object).filter(([, v]) => v !== undefined));

async function agree(args: readonly string[]): Promise<boolean> {
  const short = quickCheck(args);
  if (short === undefined) return false;
  const long = await throughYargs(args);
  expect(long, JSON.stringify(args)).toBeDefined();
  expect(comparable(short), JSON.stringify(args)).toEqual(comparable(long));
  return true;
}

const word = fc.oneof(
  fc.constantFrom('a.ko', '/x', 'true', 'help', '"q"', '-', '--', '', '0x10', 'x=y', 'a b', '$0', 'check'),
  fc.constantFrom('--kernel', 'K', '--modules', 'D', '--format', 'sarif', 'junit', 'xml', '--report', 'r.json'),
  fc.constantFrom('--no-proof', '--proof', '--no-signatures', '--signatures', '--allow-unproved', '--explain', 'f'),
  fc.constantFrom('--parameters', 'n=1 m=2', '-j', '2', '--quiet', '--verbose', '--no-color', '--files-from', '-h'),
  fc.string({ maxLength: 5 }),
);

describe('the quick path of check', () => {
  it.each([
    [['check', 'a.ko', '--kernel', 'K']],
    [['check', '--kernel', 'K', 'a.ko', 'b.ko', '--modules', 'x', '--modules', 'y', '--format', 'sarif', '-j', '2']],
    [['check', 'a.ko', '--kernel', 'K', '--no-proof', '--no-signatures', '--explain', 'f']],
    [['check', 'a.ko', '--kernel', 'K', '--allow-unproved']],
    [['check', 'a.ko', '--kernel', 'K', '--parameters', 'n=1', '--report', 'r.xml', '--quiet', '--verbose']],
  ])('takes %j', async args => {
    expect(await agree(args)).toBe(true);
  });

  it.each([
    [['check', 'a.ko']],
    [['check', '--kernel', 'K']],
    [['check', 'a.ko', '--kernel', 'K', '--kernel', 'L']],
    [['check', 'a.ko', '--kernel', 'K', '--format', 'xml']],
    [['check', 'a.ko', '--kernel', 'K', '-j', '0']],
    [['check', 'a.ko', '--kernel']],
    [['scan', 'a.ko', '--kernel', 'K']],
  ])('leaves %j to yargs', args => {
    expect(quickCheck(args)).toBeUndefined();
  });

  it('means what yargs means, for whatever it takes', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async rest => {
        if (await agree(['check', 'a.ko', '--kernel', 'K', ...rest])) taken++;
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});
