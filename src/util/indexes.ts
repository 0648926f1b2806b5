/**
 * Numbers that must not be taken for one another. A plain number fits each of them; one of them does not fit another,
 * so that a section index passed where a symbol index belongs is a type error.
 */
declare const flavour: unique symbol;
type Flavoured<Name extends string> = number & { readonly [flavour]?: Name };

/** Index into the section header table. */
export type SectionIndex = Flavoured<'SectionIndex'>;
/** Index into the symbol table. */
export type SymbolIndex = Flavoured<'SymbolIndex'>;
/** Bytes from the start of the file. */
export type FileOffset = Flavoured<'FileOffset'>;
/** Bytes from the start of a section. */
export type SectionOffset = Flavoured<'SectionOffset'>;
