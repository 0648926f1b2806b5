import { expect, it } from 'vitest';
import { firstWhere } from '../../../src/util/search.ts';

it('finds the first index of those behind a border, wherever it is', () => {
  for (let count = 0; count < 9; count++)
    for (let border = 0; border <= count; border++) expect(firstWhere(count, i => i >= border)).toBe(border);
});
