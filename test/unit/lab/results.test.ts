// What the lab reads from a machine's console.

import { describe, expect, it } from 'vitest';
import { canaryCounts, results } from '../../lab/boot/scripts.ts';

const line = (key: string, r2: number) =>
  `RESULT canary.canary.add.local.${key}=target=add path=local calls=500 original=0 replaced=500 other=0 r1=0 r2=${r2} lr=0 nonvolatile=0 cr=0\r`;

describe('results of a console', () => {
  it('are read by key, the last value of each', () => {
    const found = results(
      ['RESULT tracer.switches=3', 'noise', line('switching', 0), 'RESULT tracer.switches=4'].join('\n'),
    );
    expect(found.get('tracer.switches')).toBe('4');
    expect(canaryCounts(found.get('canary.canary.add.local.switching'))).toMatchObject({
      calls: 500,
      replaced: 500,
      r2: 0,
    });
  });

  it('tell of a register that one round lost, whichever round came last', () => {
    const same = [line('switching', 0), line('switching', 0), line('traced', 7)];
    expect(results(same.join('\n')).size).toBe(2);
    for (const rounds of [
      [0, 7, 0],
      [7, 0],
      [0, 7],
    ])
      expect(() => results(rounds.map(r2 => line('switching', r2)).join('\n')), `${rounds}`).toThrow(
        /add\.local\.switching.* r2=0 .* r2=7 |r2=7 .* r2=0 /,
      );
  });

  it('tell of a round that failed', () => {
    expect(() => results(`${line('switching', 0)}\nRESULT canary.canary.add.local.switching=failed`)).toThrow(
      /another round failed/,
    );
  });
});
