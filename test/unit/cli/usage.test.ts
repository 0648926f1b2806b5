import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { wordsAfter } from '../../../src/cli/completion.ts';
import { inThread, shell, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const demo = 'samples/6.1/tocsin_demo.ko';

describe('bad usage ends with 2, says why, and prints no result', () => {
  it.each([
    [[], 'give a command'],
    [['scan'], 'give a FILE'],
    [['sacn', demo], 'scan'],
    [['frobnicate'], 'frobnicate'],
    [['scan', '--sumary', demo], 'sumary'],
    [['scan', '--format', 'xml', demo], 'xml'],
    [['scan', '--format', 'json', '--format', 'json', demo], '--format is given 2 times'],
    [['scan', '--functions', 'a', '--functions', 'b', demo], '--functions is given 2 times'],
    [['scan', '--files-from', 'a', '--files-from', 'b'], 'is given 2 times'],
    [['scan', '-j', '1', '-j', '2', demo], '--jobs is given 2 times'],
    [['scan', '-j', '0', demo], '1 to 1024'],
    [['scan', '-j', '1025', demo], '1 to 1024'],
    [['scan', '-j', 'two', demo], '"two"'],
    [['scan', '-j', '1.5', demo], '"1.5"'],
    [['scan', '-j', demo], '1 to 1024'],
    [['scan', '--functions'], 'functions'],
    [['scan', demo, '--format'], 'format'],
    [['patch', demo], 'patch'],
    [['patch', demo, '-o', '/dev/null/x'], 'nothing to do'],
    [['patch', demo, demo, '-o', 'x', '--nop', 'f'], 'one FILE'],
    [['patch', demo, '-o', 'x', '-o', 'y', '--nop', 'f'], 'is given 2 times'],
    [['patch', demo, '-o', 'x', '--nop', 'f', '--strategy', 'magic'], 'magic'],
    [['patch', demo, '-o', 'x', '--nop', ''], '--nop is given as an empty text'],
    [['patch', demo, '-o', '', '--nop', 'f'], '-o is given as an empty text'],
    [['patch', demo, '-o', 'x', '--hook-exit', ''], '--hook-exit is given as an empty text'],
    [['revert', demo], '-o OUT'],
    [['revert'], 'one FILE'],
    [['diff', demo], 'two files'],
    [['diff', demo, demo, demo], '3 given'],
  ])('%j', (args, text) => {
    const { code, stdout, stderr } = inThread(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(text);
    expect(stderr).toMatch(/Try "tocsin (.+ )?--help"/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('suggests what may have been meant', () => {
    expect(inThread(['sacn', demo]).stderr).toContain('Did you mean scan?');
    expect(inThread(['scan', '--sumary', demo]).stderr).toMatch(/Unknown argument/);
  });
});

describe('help', () => {
  it('lists commands, options and exit codes on standard output', () => {
    const { code, stdout, stderr } = inThread(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const text of [
      'scan',
      'patch',
      'revert',
      'diff',
      'completion',
      '--quiet',
      'Exit codes: 0 done, 1 refused or different, 2',
    ])
      expect(stdout).toContain(text);
    expect(inThread(['-h']).stdout).toBe(stdout);
  });

  it.each(['scan', 'patch', 'revert', 'diff'])('of %s has examples', command => {
    const { code, stdout, stderr } = inThread([command, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Examples:');
    expect(stdout).toContain(`tocsin ${command} `);
    expect(Math.max(...stdout.split('\n').map(line => line.length))).toBeLessThanOrEqual(110);
  });

  it('says how many files each command takes', () => {
    const { stdout } = inThread(['--help']);
    expect(stdout).not.toContain('files..');
    for (const usage of [
      'scan [FILE..]',
      'patch [FILE]',
      'revert FILE',
      'diff OLD NEW',
      'load FILE',
      'explain [CODE..]',
    ])
      expect(stdout).toContain(`  tocsin ${usage} `);
    expect(tocsin(['load', '--help']).stdout).toMatch(/^tocsin load FILE\n/);
  });

  it('the version is that of the package', () => {
    const { version } = JSON.parse(fs.readFileSync(`${root}package.json`, 'utf8'));
    for (const args of [['--version'], ['-V'], ['--version', '--quiet'], ['scan', '--version']])
      expect(tocsin(args)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('completion is a script, and completes', () => {
    const { code, stdout } = tocsin(['completion'], { env: { SHELL: '/bin/bash' } });
    expect(code).toBe(0);
    expect(stdout).toContain('tocsin');
    expect(stdout).toContain('complete ');
    const words = tocsin(['--get-yargs-completions', 'tocsin', ''], { env: { SHELL: '/bin/bash' } });
    expect(words.stdout.split('\n')).toEqual(expect.arrayContaining(['scan', 'patch', 'revert', 'diff']));
    expect(
      tocsin(['--get-yargs-completions', 'tocsin', 'scan', '--'], { env: { SHELL: '/bin/bash' } }).stdout,
    ).toContain('--summary');
  });
});

describe('completion', () => {
  it('knows of every option with a value what may follow', () => {
    for (const command of ['scan', 'patch', 'revert', 'diff', 'kernel', 'check', 'load']) {
      const { stdout } = tocsin([command, '--help']);
      const rows = stdout.slice(stdout.indexOf('Options:'), stdout.indexOf('Examples:')).split(/\n(?= {2,6}-)/);
      const valued = rows.filter(row => /\[(string|array)\]/.test(row) && !row.includes('[choices:'));
      expect(valued.length).toBeGreaterThan(command === 'diff' ? -1 : 0);
      for (const row of valued) {
        const option = /--[a-z-]+/.exec(row)![0];
        expect(wordsAfter(['tocsin', command, option, '']), option).toBeDefined();
      }
    }
  });

  it('names files where nothing is begun, and options where one is', () => {
    const completed = (...words: readonly string[]) =>
      tocsin(['--get-yargs-completions', 'tocsin', ...words], { env: { SHELL: '/bin/bash' } }).stdout.trim();
    expect(completed('scan', '')).toBe('');
    expect(completed('patch', 'a.ko', '')).toBe('');
    expect(completed('scan', '--su')).toContain('--summary');
    expect(completed('')).toContain('scan');
    expect(completed('patch', '--at', '')).toContain('global-entry');
  });

  it('tells zsh which colon is a part of the word', () => {
    const words = ['tocsin', 'patch', '--strategy', 'cu'];
    expect(wordsAfter(words)).toEqual(['custom:']);
    expect(wordsAfter(words, true)).toEqual(['custom\\:']);
    const { stdout } = tocsin(['--get-yargs-completions', ...words], { env: { SHELL: '/bin/zsh' } });
    expect(stdout.trim()).toBe('custom\\:');
  });

  it('works in bash, by the script', () => {
    const completed = (...words: readonly string[]) => {
      const { stdout, stderr } = shell(
        `tocsin() { $TOCSIN "$@"; }; eval "$($TOCSIN completion)"; COMP_WORDS=(${words.map(w => `'${w}'`).join(' ')}); ` +
          `COMP_CWORD=${words.length - 1}; _tocsin_yargs_completions; printf '%s\\n' "\${COMPREPLY[@]}"`,
        { env: { SHELL: '/bin/bash' } },
      );
      expect(stderr).toBe('');
      return stdout.split('\n').filter(line => line !== '');
    };
    expect(completed('tocsin', 'patch', '--strategy', '')).toEqual([
      'auto',
      'direct',
      'epilogue',
      'frame',
      'shadow',
      'custom:',
    ]);
    expect(completed('tocsin', 'patch', '--at', 'si')).toEqual(['site']);
    expect(completed('tocsin', 'patch', '--format', '')).toEqual(['text', 'json', 'ndjson']);
    expect(completed('tocsin', 'patch', '--sha')).toEqual(['--shadow-stack']);
    // The shell goes on with files.
    expect(completed('tocsin', 'patch', '--kernel', '')).toEqual([]);
    expect(completed('tocsin', 'patch', '--with', 'fi')).toEqual([]);
    expect(completed('tocsin', 'rev')).toEqual(['revert']);
  });
});
