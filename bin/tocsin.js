#!/usr/bin/env node
'use strict';
// The version is answered before anything else is loaded: build scripts ask for it often. Plain scans and patches have a
// bundle each; everything else goes through the full command line.
const QUICK = { scan: 'start-scan', patch: 'start-patch', check: 'start-check' };
const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V'))
  process.stdout.write(`${require('../package.json').version}\n`);
else begin();

function begin() {
  try {
    if (Object.hasOwn(QUICK, args[0] ?? '')) {
      const quick = require('./load-bundle.js').loadBundle(QUICK[args[0]]).exports.start(args);
      if (quick !== undefined) return quick.then(end);
    }
  } catch (error) {
    return notBuilt(error);
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
