import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { IO_DIAGNOSTICS, readFailure, writeFailure } from '../../../src/io/diagnostics.ts';

const source = new URL('../../../src/io/', import.meta.url);

it('documents every code, and each is raised somewhere', () => {
  const text = readdirSync(source)
    .map(name => readFileSync(new URL(name, source), 'utf8'))
    .join('\n');
  const raised = new Set([...text.matchAll(/io(?:Error|Complaint)\(\s*'(IO\d{3})'/g)].map(match => match[1]));
  expect([...raised].sort()).toEqual(Object.keys(IO_DIAGNOSTICS).sort());
});

it('leaves errors alone that no system call gave', () => {
  const bug = new TypeError('a bug');
  expect(readFailure(bug, 'f')).toBe(bug);
  expect(writeFailure(bug, 'f')).toBe(bug);
});

it('names the file and keeps the name of an unusual system error', () => {
  const error = Object.assign(new Error('i/o'), { code: 'EIO' });
  expect(String(readFailure(error, 'f'))).toMatch(/^InputError: f: could not be read \(EIO\) \[IO008\]/);
  expect(String(writeFailure(error, 'f'))).toMatch(/^InputError: f: could not be written \(EIO\) \[IO036\]/);
});
