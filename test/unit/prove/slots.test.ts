/** Stack slots as the prover remembers them: sets that never change, joined where paths meet. */
import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/prove/slots.ts';
import { State } from '../../../src/prove/state.ts';
import { CTR, entry, number, PLACES, stack, table, UNKNOWN } from '../../../src/prove/values.ts';

const held = (slots: Slots) => [...slots.all()].map(s => `${s.offset}:${s.width}=${s.value}`).sort();

describe('slots', () => {
  const saved = Slots.none.store(-8, 8, entry(31)).store(-16, 8, entry(30)).store(-112, 8, stack(0));

  it('are found by their place and width alone', () => {
    expect(saved.load(-8, 8)).toBe(entry(31));
    expect(saved.load(-8, 4)).toBe(UNKNOWN);
    expect(saved.load(-24, 8)).toBe(UNKNOWN);
  });

  it('are forgotten where something is stored over a part of them, and the set before that stays as it was', () => {
    expect(held(saved.store(-12, 4, UNKNOWN))).toEqual(held(saved.without(-16, -8)));
    expect(saved.load(-16, 8)).toBe(entry(30));
    expect(saved.store(-12, 8, entry(29)).load(-8, 8)).toBe(UNKNOWN);
    expect(saved.store(-24, 8, UNKNOWN)).toBe(saved);
  });

  it('give the same set for what is there already, or was stored last', () => {
    expect(saved.store(-8, 8, entry(31))).toBe(saved);
    expect(saved.store(-24, 8, entry(29))).toBe(saved.store(-24, 8, entry(29)));
    expect(saved.store(-24, 8, entry(28)).load(-24, 8)).toBe(entry(28));
    expect(saved.store(-24, 8, entry(29)).load(-24, 8)).toBe(entry(29));
  });

  it('below the frame on top, and in its CR and LR slots, are gone after a call', () => {
    const before = saved.store(-96, 8, entry(29)).store(-120, 8, entry(28)).store(-88, 8, entry(2));
    expect(held(before.withoutCallees(-112))).toEqual(held(saved.store(-88, 8, entry(2))));
    expect(held(before.withoutCallees(-48))).toEqual(held(Slots.none.store(-8, 8, entry(31)).store(-16, 8, entry(30))));
    expect(held(before.withoutCallees(-112))).toEqual(held(saved.store(-88, 8, entry(2))));
  });

  it('that both sides know are left of a join, in whatever order they were stored', () => {
    const other = Slots.none.store(-112, 8, stack(0)).store(-16, 8, entry(29)).store(-8, 8, entry(31));
    expect(held(saved.joined(other))).toEqual(held(Slots.none.store(-8, 8, entry(31)).store(-112, 8, stack(0))));
    expect(saved.joined(saved.store(-24, 8, entry(29)))).toBe(saved);
    expect(held(saved.joined(Slots.none))).toEqual([]);
  });

  it('are no more than 64', () => {
    let many = Slots.none;
    for (let i = 1; i <= 70; i++) many = many.store(-8 * i, 8, entry(14));
    expect(held(many)).toHaveLength(64);
    expect(many.load(-8 * 65, 8)).toBe(UNKNOWN);
  });
});

describe('joining states', () => {
  const values = [
    UNKNOWN,
    entry(0),
    entry(CTR),
    stack(0),
    stack(-112),
    number(-1),
    table(-(2 ** 27) + 1),
    table(5),
    -(2 ** 28),
  ];

  it('keeps each place that is the same in both, and no other', () => {
    for (const mine of values)
      for (const theirs of values)
        for (const place of [0, 1, 30, 31, PLACES - 2, PLACES - 1]) {
          const a = new State();
          const b = new State();
          // Next to it lies what makes a pair of places look like a NaN.
          a.places.fill(mine === UNKNOWN ? 0x7ff80001 : -(2 ** 19));
          b.places.set(a.places);
          a.places[place] = mine;
          b.places[place] = theirs;
          const expected = a.places.slice();
          if (mine !== theirs) expected[place] = UNKNOWN;
          expect(a.join(b)).toBe(mine !== theirs && mine !== UNKNOWN);
          expect(a.places).toEqual(expected);
        }
  });
});
