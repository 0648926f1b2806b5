// man.js [-]
//
// The manual page, from what the commands say of themselves: dist/tocsin.1, or `-` for stdout. `npm ci` makes it behind the build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const COMMANDS = ['scan', 'patch', 'diff', 'revert', 'check', 'load', 'kernel', 'explain'];

/** Text as troff takes it: backslashes, hyphens, and lines that would be requests. */
function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map(line => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');
}

function help(args) {
  const { stdout, status } = spawnSync(process.execPath, [`${root}bin/tocsin.js`, ...args, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', COLUMNS: '78' },
  });
  if (status !== 0) throw new Error(`tocsin ${args.join(' ')} --help ends with ${status}`);
  return stdout.trimEnd();
}

const verbatim = text => `.nf\n${escaped(text)}\n.fi`;

function manPage() {
  const { version, description } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  return `${[
    `.TH TOCSIN 1 "" "tocsin ${escaped(version)}" "User Commands"`,
    '.SH NAME',
    `tocsin \\- ${escaped(description)}`,
    '.SH SYNOPSIS',
    verbatim(help([])),
    ...COMMANDS.flatMap(command => [`.SH ${command.toUpperCase()}`, verbatim(help([command]))]),
    '.SH EXIT STATUS',
    '.TP\n.B 0\ndone; of diff: the same; of check: loads, and proved',
    '.TP\n.B 1\nrefused, and nothing written; of diff: different; of check: findings',
    '.TP\n.B 2\nbad usage or input',
    '.TP\n.B 70\na bug of tocsin, with its stack',
    '.SH DIAGNOSTICS',
    'Messages end with a code in brackets; ',
    '.B tocsin explain CODE',
    'tells cause and remedy.',
  ].join('\n')}\n`;
}

if (process.argv[2] === '-') process.stdout.write(manPage());
else {
  mkdirSync(`${root}dist`, { recursive: true });
  writeFileSync(`${root}dist/tocsin.1`, manPage());
}
