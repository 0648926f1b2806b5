import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

// Two files at a time: some of them are one machine that boots, most of whose time goes into one thread of qemu.
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, '../..'),
    include: ['test/lab/**/*.lab.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    maxWorkers: 2,
    disableConsoleIntercept: true,
  },
});
