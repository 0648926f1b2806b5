/**
 * Shell patterns over names: `*` any run of characters, `?` one, `[abc]`, `[a-z]`, `[!a]` one of a set, `\x` the
 * character itself. The whole name has to match, and case counts.
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  if (!isGlob(pattern)) return name => name === pattern;
  const expression = new RegExp(`^${translate(pattern)}$`, 'su');
  return name => expression.test(name);
}

/** Whether `pattern` has anything in it that stands for other characters. */
export function isGlob(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

function translate(pattern: string): string {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '*') out += '.*';
    else if (c === '?') out += '.';
    else if (c === '\\' && i + 1 < pattern.length) out += quote(pattern[++i]!);
    else if (c === '[') {
      const end = pattern.indexOf(']', pattern[i + 1] === '!' || pattern[i + 1] === '^' ? i + 3 : i + 2);
      if (end < 0) out += quote(c);
      else {
        out += set(pattern.slice(i + 1, end));
        i = end;
      }
    } else out += quote(c);
  }
  return out;
}

function set(body: string): string {
  const negated = body.startsWith('!') || body.startsWith('^');
  const members = (negated ? body.slice(1) : body).replace(/[\\\]^[&~|]/g, c => `\\${c}`);
  return `[${negated ? '^' : ''}${members}]`;
}

function quote(c: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c;
}
