/**
 * What the files hold besides headers and sections: nothing but zeros between their parts, which keep their order, and a signature
 * behind the input where the plan says so; `compare-file.ts` is the model.
 */

import { EHDR_SIZE, offsetOf, SHDR_SIZE, sizeOf } from '../../elf/wasm/format';
import { isZero, startsWith } from '../../util/wasm/bytes';
import { hasContents, input, inputSize, is, output, outputSize, sections, was } from './files';
import { countLayout, countRemoved, zeroed } from './memory';
import { dropsSignature } from './plan';

const MARKER_SIZE: u32 = 28;
const INFO_SIZE: u32 = 12;

/** Numbers of the sections with contents, by where they stand in the input. */
let order: u32 = 0;
let parts: u32 = 0;

export function compareFile(): bool {
  if (!sortParts()) return false;
  let oldEnd = EHDR_SIZE;
  let end = EHDR_SIZE;
  for (let k: u32 = 0; k < parts; k++) {
    const i = load<u32>(order + 4 * k);
    const at = offsetOf(was(i));
    if (at < oldEnd || !isZero(input + oldEnd, at - oldEnd)) return false;
    oldEnd = at + sizeOf(was(i));
    if (!hasContents(is(i))) continue;
    end = gap(end, offsetOf(is(i)), sizeOf(is(i)));
    if (end === 0) return false;
  }
  end = gap(end, offsetOf(is(sections)), sizeOf(is(sections)));
  if (end === 0) return false;
  end = gap(end, load<u32>(output, 40), (sections + 1) * SHDR_SIZE);
  if (end === 0 || end !== outputSize) return false;
  const table = load<u32>(input, 40);
  if (table < oldEnd || !isZero(input + oldEnd, table - oldEnd)) return false;
  return endsWell(table + sections * SHDR_SIZE) && areEmptyInPlace();
}

/** Goes on to a part of the output. @returns where it ends; 0 where it does not come next */
function gap(end: u32, at: u32, size: u32): u32 {
  if (at < end || !isZero(output + end, at - end)) return 0;
  countLayout(at - end);
  return at + size;
}

/** Sections come nearly in order, so few of them move. */
function sortParts(): bool {
  order = zeroed(4 * sections);
  if (order === 0) return false;
  parts = 0;
  for (let i: u32 = 1; i < sections; i++) {
    if (!hasContents(was(i))) continue;
    let k = parts++;
    for (; k > 0 && offsetOf(was(load<u32>(order + 4 * (k - 1)))) > offsetOf(was(i)); k--)
      store<u32>(order + 4 * k, load<u32>(order + 4 * (k - 1)));
    store<u32>(order + 4 * k, i);
  }
  return true;
}

/** Behind the last part of the input nothing stands but the signature, if the plan drops one; behind the output nothing. */
function endsWell(end: u32): bool {
  if (isSigned(output, outputSize)) return false;
  if (isSigned(input, inputSize) !== dropsSignature) return false;
  if (!dropsSignature) return end === inputSize;
  const info = inputSize - MARKER_SIZE - INFO_SIZE;
  const length = bswap<u32>(load<u32>(input + info, 8));
  countRemoved(inputSize - end);
  return end <= info && length === info - end;
}

function isSigned(file: u32, size: u32): bool {
  return size > MARKER_SIZE + INFO_SIZE && startsWith(file + size - MARKER_SIZE, '~Module signature appended~\n');
}

/** A section without contents has a place all the same: between the parts that it stood between. */
function areEmptyInPlace(): bool {
  for (let i: u32 = 1; i < sections; i++) {
    if (hasContents(is(i))) continue;
    const at = offsetOf(was(i));
    let low: u32 = 0;
    let high = outputSize;
    for (let k: u32 = 0; k < parts; k++) {
      const part = load<u32>(order + 4 * k);
      if (!hasContents(is(part))) continue;
      if (offsetOf(was(part)) <= at) low = offsetOf(is(part));
      else high = min(high, offsetOf(is(part)));
    }
    if (load<u32>(input, 40) <= at) low = load<u32>(output, 40);
    else high = min(high, load<u32>(output, 40));
    if (offsetOf(is(i)) < low || offsetOf(is(i)) > high) return false;
  }
  return true;
}
