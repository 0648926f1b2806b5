/**
 * The README's examples are run, and their output has to be what the README shows. `UPDATE_README=1` writes the real output
 * into it instead.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const readme = join(root, 'README.md');
const INDENT = '    ';

interface Example {
  readonly command: string;
  /** Lines of the README: first of the output, and one past its last. */
  readonly from: number;
  readonly to: number;
}

function examples(lines: readonly string[]): Example[] {
  const found: Example[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (!lines[i]!.startsWith(`${INDENT}$ tocsin `)) continue;
    let command = lines[i]!.slice(INDENT.length + 2);
    while (command.endsWith('\\')) command = `${command.slice(0, -1)}${lines[++i]!.trim()}`;
    const from = i + 1;
    let to = from;
    while (to < lines.length && (lines[to] === '' || lines[to]!.startsWith(INDENT))) to++;
    while (lines[to - 1] === '') to--;
    found.push({ command, from, to });
  }
  return found;
}

it('shows what the commands print', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-readme-'));
  try {
    symlinkSync(join(root, 'samples'), join(folder, 'samples'));
    const lines = readFileSync(readme, 'utf8').split('\n');
    const found = examples(lines);
    expect(found.length).toBeGreaterThanOrEqual(4);
    const outputs = found.map(({ command }) => {
      const script = command.replace(/^tocsin/, `"${process.execPath}" "${join(root, 'bin/tocsin.js')}"`);
      const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' });
      expect(stderr, command).toBe('');
      return stdout
        .trimEnd()
        .split('\n')
        .map(line => (line === '' ? '' : `${INDENT}${line}`));
    });
    if (process.env.UPDATE_README !== undefined) {
      for (let k = found.length - 1; k >= 0; k--)
        lines.splice(found[k]!.from, found[k]!.to - found[k]!.from, ...outputs[k]!);
      writeFileSync(readme, lines.join('\n'));
    } else
      for (const [k, { from, to, command }] of found.entries())
        expect(lines.slice(from, to), command).toEqual(outputs[k]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
