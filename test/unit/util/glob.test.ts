import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatcher, isGlob } from '../../../src/util/glob.ts';

describe('globMatcher', () => {
  it.each([
    ['demo_*', 'demo_add', true],
    ['demo_*', 'demo_', true],
    ['demo_*', 'xdemo_add', false],
    ['*', '', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a?c', 'a\u{1F514}c', true],
    ['[abc]x', 'bx', true],
    ['[a-c]x', 'cx', true],
    ['[a-c]x', 'dx', false],
    ['[!a-c]x', 'dx', true],
    ['[^a-c]x', 'ax', false],
    ['[]a]', ']', true],
    ['[!]a]', ']', false],
    ['[a-]', '-', true],
    ['[&~|]', '&', true],
    ['[\u{1F514}]', '\u{1F514}', true],
    ['[z-a]', 'm', false],
    ['[z-a]', 'z', false],
    ['[!z-a]', 'm', true],
    ['[', '[', true],
    ['a[b', 'a[b', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\', 'a\\', true],
    ['[\\]', '\\', true],
    ['a.c', 'abc', false],
    ['a+(b)|{c}^$/', 'a+(b)|{c}^$/', true],
    ['f.cold', 'f.cold', true],
    ['f.cold', 'fxcold', false],
    ['F', 'f', false],
    ['a*', 'a\nb', true],
  ])('%s on %j: %s', (pattern, name, expected) => {
    expect(globMatcher(pattern)(name)).toBe(expected);
  });

  it('takes any pattern', () => {
    const pattern = fc.string({ unit: fc.constantFrom(...'[]!^-\\*?abz&~|.$(){}+/ \u{1F514}\n'), maxLength: 12 });
    fc.assert(
      fc.property(pattern, fc.string(), (p, name) => {
        expect(typeof globMatcher(p)(name)).toBe('boolean');
        if (!isGlob(p)) expect(globMatcher(p)(p)).toBe(true);
      }),
    );
  });

  it('takes no time over many stars', () => {
    const start = performance.now();
    expect(globMatcher('*a*a*a*a*a*a*a*a*a*b')('a'.repeat(5000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
