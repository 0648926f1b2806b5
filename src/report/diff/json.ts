import type { DiffDocument } from './document.ts';

/**
 * The document as JSON in pieces, one function a line: the text as a whole may be longer than a string can be.
 */
export function* diffJson(document: DiffDocument): Generator<string> {
  const { functions, ...rest } = document;
  const head = JSON.stringify(rest);
  yield `${head.slice(0, -1)},"functions":[`;
  for (let i = 0; i < functions.length; i++) yield `${i === 0 ? '\n' : ',\n'}${JSON.stringify(functions[i])}`;
  yield functions.length === 0 ? ']}\n' : '\n]}\n';
}
