// Builds dist/: the command line and the library as bundles, and the library's types.
//
// One bundle with lazily loaded chunks keeps start-up close to bare Node's. Packages that carry WebAssembly or are only
// needed now and then stay outside and are imported when they are needed.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
rmSync(`${root}dist`, { recursive: true, force: true });

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  define: { TOCSIN_VERSION: JSON.stringify(version) },
  external: ['@bokuweb/zstd-wasm', 'xz-decompress', '@alexaltea/capstone-js', 'elf-tools', 'ora', 'fast-myers-diff'],
  legalComments: 'none',
  logLevel: 'warning',
};

await build({
  ...common,
  entryPoints: { cli: 'src/cli/main.ts', 'scan-worker': 'src/cli/scan-worker.ts', index: 'src/index.ts' },
  outdir: 'dist',
  splitting: true,
  format: 'esm',
  chunkNames: 'chunks/[name]-[hash]',
});

// What every run loads first is CommonJS: Node starts it a fifth faster than modules.
await build({
  ...common,
  entryPoints: { start: 'src/cli/start.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  minifySyntax: true,
  define: { ...common.define, 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
});

if (process.argv.includes('--bundles')) process.exit(0);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' });
