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

await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli/main.ts', 'scan-worker': 'src/cli/scan-worker.ts', index: 'src/index.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  chunkNames: 'chunks/[name]-[hash]',
  define: { TOCSIN_VERSION: JSON.stringify(version) },
  external: ['@bokuweb/zstd-wasm', 'xz-decompress', '@alexaltea/capstone-js', 'elf-tools', 'yargs', 'yargs/helpers', 'ora', 'fast-myers-diff'],
  sourcemap: false,
  legalComments: 'none',
});

if (process.argv.includes("--bundles")) process.exit(0);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' });
