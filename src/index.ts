/**
 * tocsin as a library: bytes in, values out. Nothing here touches files, the clock or the terminal.
 */
export { readElf } from './elf/read.ts';
export { scanObject as scan, summarize } from './sites/scan.ts';
export { InputError, RefusalError } from './util/errors.ts';
