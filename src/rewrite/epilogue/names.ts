const PREFIX = '__tocsin_epilogue_';

/** What the copy of a function is called, and exported as. */
export function epilogueName(name: string): string {
  return `${PREFIX}${name}`;
}

export function isEpilogueName(name: string): boolean {
  return name.startsWith(PREFIX);
}
