// Builds dist/: the command line and the library as bundles, and the library's types.
//
// One bundle with lazily loaded chunks keeps start-up close to bare Node's. Packages that carry WebAssembly or are only
// needed now and then stay outside and are imported when they are needed.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';
import makeCodeCache from './code-cache.js';
import makeWebAssembly from './webassembly.js';

const root = new URL('..', import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
// Built beside dist/ and swapped in, so that a running tocsin never meets half a build.
const fresh = `${root}dist.new-${process.pid}`;
rmSync(fresh, { recursive: true, force: true });

await makeWebAssembly();

/** What is a bundle of its own is loaded as one. */
function leaveBundlesOut(build) {
  build.onResolve({ filter: /^\.\/quick-nops\.ts$/ }, ({ kind }) =>
    kind === 'dynamic-import' ? { path: 'bundle:nops', external: true } : undefined,
  );
}

/** Packages that few runs need. */
const RARE = [
  '@bokuweb/zstd-wasm',
  'xz-decompress',
  '@alexaltea/capstone-js',
  'ajv',
  'asn1js',
  'ora',
  'yaml',
  'fast-myers-diff',
];

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  define: { TOCSIN_VERSION: JSON.stringify(version) },
  external: ['elf-tools', ...RARE],
  legalComments: 'none',
  logLevel: 'warning',
};

await build({
  ...common,
  entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts' },
  outdir: fresh,
  splitting: true,
  format: 'esm',
  chunkNames: 'chunks/[name]-[hash]',
});

// What every run loads first is CommonJS: Node starts it a fifth faster than modules.
// Every patch asks elf-tools, and to find a package takes Node longer than to run it: it is part of these.
await build({
  ...common,
  external: RARE,
  entryPoints: {
    'start-scan': 'src/cli/start-scan.ts',
    'start-patch': 'src/cli/start-patch.ts',
    'start-nops': 'src/cli/start-nops.ts',
    nops: 'src/cli/patch/quick-nops.ts',
    'start-check': 'src/cli/start-check.ts',
    'scan-worker': 'src/cli/scan-worker.ts',
    'check-worker': 'src/cli/check/worker.ts',
    'plain-worker': 'src/cli/check/plain-worker.ts',
  },
  outdir: fresh,
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  minifySyntax: true,
  plugins: [{ name: 'bundles', setup: leaveBundlesOut }],
  define: { ...common.define, 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
});

// bin/tocsin.js runs these with V8's data about them, and lends them its own `import()`.
for (const name of readdirSync(fresh).filter(file => /^(start-.*|nops)\.cjs$/.test(file))) {
  const code = readFileSync(`${fresh}/${name}`, 'utf8');
  const lent = code.replace(/\bimport\("bundle:/g, 'importBundle("').replace(/\bimport\((?=")/g, 'importPackage(');
  writeFileSync(`${fresh}/${name}`, lent);
}

if (!process.argv.includes('--bundles')) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', `${root}tsconfig.build.json`, '--outDir', `${fresh}/types`], {
    stdio: 'inherit',
  });
}
rmSync(`${root}dist`, { recursive: true, force: true });
renameSync(fresh, `${root}dist`);
makeCodeCache();
