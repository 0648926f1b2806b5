/** What is told of functions that are not proved. */
import { expect, it } from 'vitest';
import { Proof } from '../../../../src/verify/proof/proof.ts';
import { assemble } from '../../prove/support/assemble.ts';

const proof = () =>
  new Proof(
    assemble({
      functions: { away: { k: 0 }, lost: { k: 0 }, bad: { k: 0 } },
      code: `away: mtctr r3
 bctr
lost: ld r14,0(r3)
 blr
bad: li r14,0
 blr`,
    }),
    offset => ({ section: '.text', offset }),
  );

it('has paths of all of them, or of the refuted alone, and says the same', () => {
  const all = proof().findings();
  const some = proof().findings(Number.POSITIVE_INFINITY, false);
  expect(all.map(f => [f.function, f.verdict, f.path.length])).toEqual([
    ['bad', 'refuted', 2],
    ['away', 'unknown', 2],
    ['lost', 'unknown', 2],
  ]);
  expect(some.map(f => f.path.length)).toEqual([2, 0, 0]);
  expect(some.map(f => ({ ...f, path: [] }))).toEqual(all.map(f => ({ ...f, path: [] })));
});
