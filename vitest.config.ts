import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts'],
    globalSetup: 'scripts/webassembly.js',
    // Most of the time goes into processes that the tests start: one worker, which vitest has for two processors, waits for them.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Tests make memories of 50 MB by the hundred, and each makes V8 collect all garbage: its helper threads would share a processor with
    // the other worker, and cost more than they save (a third of plain-modules.test.ts).
    execArgv: ['--single-threaded-gc'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
