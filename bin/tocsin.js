#!/usr/bin/env node
'use strict';
// The version is answered before anything else is loaded: build scripts ask for it often.
const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V'))
  process.stdout.write(`${require('../package.json').version}\n`);
else begin();

function begin() {
  try {
    if (require('../dist/start.cjs').start(args)) return;
  } catch (error) {
    return notBuilt(error);
  }
  import('../dist/cli.js').then(cli => cli.main(args), notBuilt);
}

function notBuilt(error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' && error?.code !== 'MODULE_NOT_FOUND') throw error;
  process.stderr.write(`tocsin: not built yet: run "npm run build" (${error.message})\n`);
  process.exitCode = 2;
}
