/**
 * Who may import whom. The judge does not share hands with the maker: what judges an output (`verify`, `diff`) never reaches
 * what made it (`rewrite`, `trampoline`), not even through a third room.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const source = resolve(import.meta.dirname, '../../src');

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  elf: ['util'],
  ppc64: ['util'],
  plan: ['util'],
  kernel: ['elf', 'ppc64', 'util', 'plan'],
  sites: ['kernel', 'elf', 'ppc64', 'util', 'plan'],
  trampoline: ['ppc64', 'elf', 'util', 'plan'],
  merge: ['sites', 'kernel', 'ppc64', 'elf', 'util', 'plan'],
  rewrite: ['trampoline', 'sites', 'kernel', 'ppc64', 'elf', 'util', 'plan'],
  sign: ['kernel', 'util'],
  loader: ['kernel', 'ppc64', 'elf', 'util'],
  prove: ['ppc64', 'util'],
  verify: ['loader', 'prove', 'sites', 'kernel', 'ppc64', 'elf', 'util', 'plan'],
  'cross-check': ['elf', 'util'],
  diff: ['sites', 'kernel', 'ppc64', 'elf', 'util'],
  report: ['diff', 'verify', 'sign', 'loader', 'sites', 'kernel', 'ppc64', 'elf', 'util', 'plan'],
  io: ['util'],
};

/** Rooms that touch neither files nor the clock nor the terminal. */
const PURE = [
  'util',
  'elf',
  'ppc64',
  'plan',
  'kernel',
  'loader',
  'sites',
  'trampoline',
  'merge',
  'rewrite',
  'sign',
  'verify',
  'diff',
  'report',
];

/** Node's modules that compute and do nothing else. */
const PURE_BUILTINS = ['node:crypto', 'node:zlib', 'node:util', 'node:buffer'];

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : path.endsWith('.ts') ? [path] : [];
  });
}

const roomOf = (path: string) => relative(source, path).split('/')[0]!;

function imports(): Import[] {
  const found: Import[] = [];
  for (const path of filesBelow(source)) {
    const text = readFileSync(path, 'utf8');
    for (const match of text.matchAll(/(?:from|import|import\()\s*'([^']+)'/g))
      found.push({ file: path, room: roomOf(path), target: match[1]! });
  }
  return found;
}

const all = imports();

describe('import directions', () => {
  it('knows every room', () => {
    const rooms = new Set(
      filesBelow(source)
        .map(roomOf)
        .filter(r => !r.endsWith('.ts')),
    );
    expect([...rooms].sort()).toEqual([...Object.keys(MAY_IMPORT), 'cli'].sort());
  });

  it('keeps to them', () => {
    const wrong = all
      .filter(i => i.target.startsWith('.') && i.room in MAY_IMPORT)
      .map(i => ({ ...i, to: roomOf(resolve(dirname(i.file), i.target)) }))
      .filter(i => i.to !== i.room && !MAY_IMPORT[i.room]!.includes(i.to))
      .map(i => `${relative(source, i.file)} imports ${i.to}`);
    expect(wrong).toEqual([]);
  });

  it('is without circles between rooms', () => {
    const visit = (room: string, path: readonly string[]): string[] => {
      if (path.includes(room)) return [[...path, room].join(' -> ')];
      return (MAY_IMPORT[room] ?? []).flatMap(next => visit(next, [...path, room]));
    };
    expect(Object.keys(MAY_IMPORT).flatMap(room => visit(room, []))).toEqual([]);
  });

  it('lets only io and cli touch files, clock and terminal', () => {
    const wrong = all
      .filter(i => PURE.includes(i.room) && i.target.startsWith('node:') && !PURE_BUILTINS.includes(i.target))
      .map(i => `${relative(source, i.file)} imports ${i.target}`);
    expect(wrong).toEqual([]);
    const globals = filesBelow(source)
      .filter(f => PURE.includes(roomOf(f)))
      .filter(f =>
        /\b(process\.(?!arch|getBuiltinModule\('node:crypto'\))|console\.|Date\.now|performance\.now|new Date\()/.test(
          readFileSync(f, 'utf8'),
        ),
      )
      .map(f => relative(source, f));
    expect(globals).toEqual([]);
  });

  it('keeps elf-tools in its own room, away from what decides', () => {
    const users = all.filter(i => i.target === 'elf-tools').map(i => i.room);
    expect([...new Set(users)]).toEqual(['cross-check']);
  });

  it('has no barrel but the public one', () => {
    const barrels = filesBelow(source).filter(f => f !== join(source, 'index.ts') && f.endsWith('/index.ts'));
    expect(barrels).toEqual([]);
  });
});
