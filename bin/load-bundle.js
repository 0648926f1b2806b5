'use strict';
// Loads a bundle of dist/ as `require` does, with what V8 made of it when it was built: to compile half a megabyte of code
// takes longer than most commands. V8 refuses the cache of another version or of other flags, and compiles then.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const vm = require('node:vm');

/** @returns its exports; whether V8 took the cache; and `cache()`, V8's data about all that has been compiled by then */
function loadBundle(name, cachePath = join(__dirname, `../dist/${name}.cache`)) {
  const filename = join(__dirname, `../dist/${name}.cjs`);
  const source = readText(filename);
  const cachedData = readCache(cachePath);
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname, importPackage) {${source}\n})`,
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
  );
  const isCached = cachedData !== undefined && script.cachedDataRejected === false;
  return { exports: module.exports, isCached, cache: () => script.createCachedData() };
}

/** What comes out of a cache cannot use `import()`: bundles call this instead (scripts/build.js). */
function importPackage(name) {
  return import(name);
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

module.exports = { loadBundle };
