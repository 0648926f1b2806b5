// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * The same text with control characters spelled out (`\x1b`). Names come from the inspected file, and whoever made it could
 * otherwise write to the reader's terminal whatever a terminal obeys.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
