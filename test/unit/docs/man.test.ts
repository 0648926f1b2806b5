/** The manual page: every command and option is in it, and troff takes nothing in it for a request. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { inThread } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

it('has all commands with all of their options', () => {
  const page = execFileSync(process.execPath, [`${root}scripts/man.js`, '-'], { encoding: 'utf8' });
  const plain = page.replaceAll('\\-', '-').replaceAll('\\&', '');
  const { stdout } = inThread(['--help']);
  const named = [...stdout.matchAll(/^ {2}tocsin (\w+)/gm)].map(m => m[1]!).filter(name => name !== 'completion');
  expect(named.length).toBeGreaterThan(7);
  for (const command of named) {
    const own = plain.slice(plain.indexOf(`.SH ${command.toUpperCase()}\n`)).split('\n.SH ', 2)[0]!;
    const options = [...inThread([command, '--help']).stdout.matchAll(/--[a-z][a-z-]*/g)].map(m => m[0]);
    expect(options.length).toBeGreaterThan(3);
    for (const option of options) expect(own, command).toContain(option);
  }
  const requests = new Set(page.split('\n').flatMap(line => (/^[.']/.test(line) ? [line.split(' ')[0]] : [])));
  expect([...requests].sort()).toEqual(['.B', '.SH', '.TH', '.TP', '.fi', '.nf']);
});
