/** Operators on the object's tables: what the kernel is told about the code of a function. */
import type { LoadedImage } from '../../../../src/loader/model.ts';
import type { Body, Change, Mutation, Operator } from './body.ts';

/** Tables of an object, by places counted from the origin: what an operator needs to find entries about a function. */
export interface TablePlaces {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

export function tablesOf(image: LoadedImage, origin: bigint): readonly TablePlaces[] {
  return image.sections
    .filter(s => s.size > 0 && s.memory !== 'percpu')
    .map(s => ({ name: s.name, at: Number(s.address - origin), size: s.bytes.length }));
}

type Ways = (body: Body, word: (at: number) => number, entry: number, from: number) => Mutation;

/** All entries of `table` whose first field names a place of the function. */
function entries(tables: readonly TablePlaces[], table: RegExp, size: number, origin: bigint | undefined, ways: Ways) {
  return (body: Body): Mutation[] => {
    const word = (at: number) => body.word(at) ?? 0;
    const found: Mutation[] = [];
    for (const { name, at, size: bytes } of tables) {
      if (!table.test(name)) continue;
      for (let entry = at; entry + size <= at + bytes; entry += size) {
        const from =
          origin === undefined
            ? entry + word(entry)
            : Number(((BigInt(word(entry + 4) >>> 0) << 32n) | BigInt(word(entry) >>> 0)) - origin);
        if (from >= body.global && from < body.end) found.push(ways(body, word, entry, from));
      }
    }
    return found;
  };
}

const pointing = (entry: number, target: number): Change => ({ at: entry, word: (target - entry) >>> 0 });

/** Changes to tables; they ask for a new subject, because tables are read when it is made. */
export function tableOperators(tables: readonly TablePlaces[], origin: bigint): readonly Operator[] {
  return [
    {
      name: 'exception fixup retargeted',
      what: 'a fixup leads one instruction further',
      ways: entries(tables, /^__ex_table$/, 8, undefined, (_, word, entry) => [
        pointing(entry + 4, entry + 4 + word(entry + 4) + 4),
      ]),
    },
    {
      name: 'exception fixup at the last instruction',
      what: 'a fixup leads to the last return',
      ways: entries(tables, /^__ex_table$/, 8, undefined, (body, _, entry) => [
        pointing(entry + 4, body.find(w => w === 0x4e800020).at(-1) ?? body.end - 4),
      ]),
    },
    {
      name: 'jump label retargeted',
      what: 'a jump label leads one instruction further',
      ways: entries(tables, /^__jump_table$/, 16, undefined, (_, word, entry) => [
        pointing(entry + 4, entry + 4 + word(entry + 4) + 4),
      ]),
    },
    {
      name: 'jump label into the prologue',
      what: 'a jump label leads to the second instruction',
      ways: entries(tables, /^__jump_table$/, 16, undefined, (body, _, entry) => [pointing(entry + 4, body.local + 4)]),
    },
    {
      name: 'tracer site moved behind the push',
      what: 'the record names the place behind stdu r1',
      ways: body =>
        entries(tables, /^(__mcount_loc|__patchable_function_entries)$/, 8, origin, (b, word, entry) => {
          const push = b.find(w => w >>> 16 === 0xf821)[0];
          const at = origin + BigInt(push === undefined ? b.local : push + 4);
          return push === undefined
            ? [{ at: entry, word: word(entry) >>> 0 }]
            : [{ at: entry, word: Number(at & 0xffff_ffffn) }];
        })(body).filter(([change]) => change!.word !== (body.word(change!.at) ?? 0) >>> 0),
    },
    {
      name: 'tracer site three instructions later',
      what: 'the record names a later place',
      ways: entries(tables, /^(__mcount_loc|__patchable_function_entries)$/, 8, origin, (_, word, entry) => [
        { at: entry, word: (word(entry) + 12) >>> 0 },
      ]),
    },
  ];
}
