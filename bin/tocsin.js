#!/usr/bin/env node
'use strict';
// The version is answered before anything else is loaded: build scripts ask for it often. Plain scans and patches have
// bundles of their own, the smallest first; everything else goes through the full command line.
const QUICK = { scan: ['start-scan'], patch: ['start-nops', 'start-patch'], check: ['start-check'] };
const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V'))
  process.stdout.write(`${require('../package.json').version}\n`);
else begin(Object.hasOwn(QUICK, args[0] ?? '') ? QUICK[args[0]] : []);

/** @param bundles those that may answer, each if the ones before leave it to them */
function begin(bundles) {
  for (const [i, name] of bundles.entries()) {
    let quick;
    try {
      quick = require('./load-bundle.js').loadBundle(name).exports.start(args);
    } catch (error) {
      return notBuilt(error);
    }
    if (quick !== undefined) return quick.then(code => (code === undefined ? begin(bundles.slice(i + 1)) : end(code)));
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

function notBuilt(error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' && error?.code !== 'MODULE_NOT_FOUND') throw error;
  process.stderr.write(`tocsin: not built yet: run "npm run build" (${error.message})\n`);
  process.exitCode = 2;
}
