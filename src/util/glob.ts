/**
 * Shell patterns over names: `*` any run of characters, `?` one, `[abc]`, `[a-z]`, `[!a]` one of a set, `\x` the
 * character itself. The whole name has to match, and case counts. A range that runs backwards holds nothing.
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  if (!isGlob(pattern)) return name => name === pattern;
  const parts = translate(pattern);
  return name => matches(parts, Array.from(name));
}

/** Whether `pattern` has anything in it that stands for other characters. */
export function isGlob(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

/** Says of one character whether it fits; `null` stands for any run of characters. */
type Part = ((character: string) => boolean) | null;

function translate(pattern: string): Part[] {
  const characters = Array.from(pattern);
  const parts: Part[] = [];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i]!;
    const end = c === '[' ? setEnd(characters, i) : -1;
    if (c === '*') parts.push(null);
    else if (c === '?') parts.push(() => true);
    else if (end >= 0) {
      parts.push(set(characters.slice(i + 1, end)));
      i = end;
    } else {
      const literal = c === '\\' && i + 1 < characters.length ? characters[++i]! : c;
      parts.push(character => character === literal);
    }
  }
  return parts;
}

/** Where the set that begins at `start` ends, or -1; a `]` in the first place is a member. */
function setEnd(characters: readonly string[], start: number): number {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^';
  return characters.indexOf(']', start + (negated ? 3 : 2));
}

function set(body: readonly string[]): (character: string) => boolean {
  const negated = body[0] === '!' || body[0] === '^';
  const members = negated ? body.slice(1) : body;
  const ranges: [number, number][] = [];
  for (let i = 0; i < members.length; i++) {
    const isRange = members[i + 1] === '-' && i + 2 < members.length;
    const low = members[i]!.codePointAt(0)!;
    ranges.push([low, isRange ? members[i + 2]!.codePointAt(0)! : low]);
    if (isRange) i += 2;
  }
  return character => {
    const point = character.codePointAt(0)!;
    return ranges.some(([low, high]) => point >= low && point <= high) !== negated;
  };
}

/** Only the last `*` is ever taken up again, so the time is at most the product of the two lengths. */
function matches(parts: readonly Part[], name: readonly string[]): boolean {
  let part = 0;
  let star = -1;
  let resume = 0;
  for (let at = 0; at < name.length; ) {
    const fits = parts[part];
    if (fits === null) {
      star = part++;
      resume = at;
    } else if (fits?.(name[at]!) === true) {
      part++;
      at++;
    } else if (star >= 0) {
      part = star + 1;
      at = ++resume;
    } else return false;
  }
  while (parts[part] === null) part++;
  return part === parts.length;
}
