#!/usr/bin/env node
'use strict';
// The version is answered before anything else is loaded: build scripts ask for it often. Plain scans and patches have
// bundles of their own, the smallest first; everything else goes through the full command line.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const vm = require('node:vm');

const QUICK = { scan: ['start-scan'], patch: ['start-nops', 'start-patch'], check: ['start-check'] };

function main(args) {
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V'))
    process.stdout.write(`${require('../package.json').version}\n`);
  else begin(args, Object.hasOwn(QUICK, args[0] ?? '') ? QUICK[args[0]] : []);
}

/** @param bundles those that may answer, each if the ones before leave it to them */
function begin(args, bundles) {
  for (const [i, name] of bundles.entries()) {
    let quick;
    try {
      quick = loadBundle(name).exports.start(args);
    } catch (error) {
      return notBuilt(error);
    }
    if (quick !== undefined)
      return quick.then(code => (code === undefined ? begin(args, bundles.slice(i + 1)) : end(code)), notBuilt);
  }
  import('../dist/cli.js').then(cli => cli.main(args).then(finish), notBuilt);
}

/**
 * A quick command has written all that it has to say when it is done. Node would now give back memory piece by piece, which
 * takes longer than scanning a small module: the system does it at once.
 */
function end(code) {
  process.exit(code);
}

function finish(code) {
  process.exitCode = code;
}

/** What keeps the program from being loaded. No script takes its end for an answer: 1 would be a refusal. */
function notBuilt(error) {
  const isLimit = error?.code === 'EMFILE' || error?.code === 'ENFILE';
  if (error?.code === 'ERR_MODULE_NOT_FOUND' || error?.code === 'MODULE_NOT_FOUND')
    process.stderr.write(`tocsin: not built yet: run "npm run build" (${error.message})\n`);
  else if (isLimit)
    process.stderr.write(
      `tocsin: the system lets no more files be opened (${error.code}) [CLI030]\n  remedy: raise the limit (ulimit -n)\n`,
    );
  else {
    process.stderr.write(`${error?.stack ?? error}\n`);
    return process.exit(70);
  }
  process.exitCode = 2;
}

/** By name. */
const loaded = new Map();

/**
 * Loads a bundle of dist/ as `require` does, with what V8 made of it when it was built: to compile half a megabyte of code
 * takes longer than most commands. V8 refuses the cache of another version or of other flags, and compiles then.
 *
 * @returns its exports; whether V8 took the cache; and `cache()`, V8's data about all that has been compiled by then
 */
function loadBundle(name, cachePath = join(__dirname, `../dist/${name}.cache`)) {
  const filename = join(__dirname, `../dist/${name}.cjs`);
  const source = readText(filename);
  const cachedData = readCache(cachePath);
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname, importPackage, importBundle) {${source}\n})`,
    {
      filename,
      cachedData,
    },
  );
  const module = { exports: {} };
  script.runInThisContext()(
    module.exports,
    createRequire(filename),
    module,
    filename,
    dirname(filename),
    importPackage,
    importBundle,
  );
  const isCached = cachedData !== undefined && script.cachedDataRejected === false;
  const bundle = { exports: module.exports, isCached, cache: () => script.createCachedData() };
  loaded.set(name, bundle);
  return bundle;
}

/** What comes out of a cache cannot use `import()`: bundles call this instead (scripts/build.js). */
function importPackage(name) {
  return import(name);
}

/** The same for what is a bundle of its own. */
async function importBundle(name) {
  return loadBundle(name).exports;
}

function readText(filename) {
  try {
    return readFileSync(filename, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') error.code = 'MODULE_NOT_FOUND';
    throw error;
  }
}

function readCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

if (require.main === module) main(process.argv.slice(2));

module.exports = { loadBundle, loaded };
