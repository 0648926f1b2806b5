/** Loads and stores by mnemonic: direction and number of bytes. Derived from the tables' operand lists and from the names. */
import { loadStoreRows } from './tables/load-store.ts';
import { prefixedRows } from './tables/prefixed.ts';

export interface MemoryFacts {
  readonly kind: 'load' | 'store';
  /** Bytes, or undefined for the forms whose length an operand or a register gives. */
  readonly size: number | undefined;
}

/** The letter after `l`, `st`, `lxs`, `stfi` and so on that tells the size. */
const sizes: readonly (readonly [pattern: RegExp, size: number | undefined])[] = [
  [/^(lmw|stmw|lsw[ix]|stsw[ix]|lxvll?|stxvll?)$/, undefined],
  [/^(l|st)xvp/, 32],
  [/^(l|st)(xvb16|xvd2|xvh8|xvw4|xv|v)x?l?$/, 16],
  [/^(l|st)q/, 16],
  [/^(lxvdsx|(l|st)(d|fd|xsd|xsdx))/, 8],
  [/^(lxvwsx|(l|st)(w|fs|fiw|vew|xss|xsiw))/, 4],
  [/^(l|st)(h|veh|xsih)/, 2],
  [/^(l|st)(b|veb|xsib)/, 1],
];

/** `lxvrbx` and its like move one element to or from the right end of a register. */
const rightmost: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, d: 8 };

function sizeOf(mnemonic: string): number | undefined {
  const name = mnemonic.startsWith('p') ? mnemonic.slice(1) : mnemonic;
  const element = /^(?:l|st)xvr(.)x$/.exec(name)?.[1];
  if (element !== undefined) return rightmost[element];
  return sizes.find(([pattern]) => pattern.test(name))?.[1];
}

/** `hashst` and `hashchk` keep digests, `lvsl` and `lvsr` only compute, `pli` and `pla` too. */
const notMemory = /^(hash|lvs[lr]$|pl[ia]$)/;

export const memoryMnemonics: ReadonlyMap<string, MemoryFacts> = new Map(
  [...loadStoreRows, ...prefixedRows]
    .filter(([mnemonic]) => /^p?(l|st)/.test(mnemonic) && !notMemory.test(mnemonic))
    .map(([mnemonic]): [string, MemoryFacts] => [
      mnemonic,
      { kind: /^p?st/.test(mnemonic) ? 'store' : 'load', size: sizeOf(mnemonic) },
    ]),
);
