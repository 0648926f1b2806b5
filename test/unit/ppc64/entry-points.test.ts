import { describe, expect, it } from 'vitest';
import { localEntry, localEntryBits, localEntryOffset, tocSetup } from '../../../src/ppc64/entry-points.ts';

describe('the local entry', () => {
  it('lies where st_other says', () => {
    const offsets = [0, 1, 2, 3, 4, 5, 6].map(k => localEntry(k << 5));
    expect(offsets).toEqual([
      { reserved: false, offset: 0, clobbersToc: false },
      { reserved: false, offset: 0, clobbersToc: true },
      { reserved: false, offset: 4, clobbersToc: false },
      { reserved: false, offset: 8, clobbersToc: false },
      { reserved: false, offset: 16, clobbersToc: false },
      { reserved: false, offset: 32, clobbersToc: false },
      { reserved: false, offset: 64, clobbersToc: false },
    ]);
  });

  it('is signalled when reserved, though the loader would go on', () => {
    expect(localEntry(0xe0)).toEqual({ reserved: true });
    expect(localEntryOffset(0xe0)).toBe(128);
  });

  it('ignores the visibility in the low bits', () => {
    expect(localEntryBits(0x62)).toBe(3);
    expect(localEntryOffset(0x62)).toBe(8);
  });
});

describe('the TOC set-up', () => {
  const two = 0x60;

  it('is recognised by its two words', () => {
    expect(tocSetup(two, 0x3c4c0001, 0x38421234)).toBe('addis-addi');
    expect(tocSetup(two, 0x3c4c0000, 0x38420000, [252, 250])).toBe('addis-addi');
    expect(tocSetup(two, 0x3c4c0000, 0x38420000, [4, 250])).toBe('unknown');
    expect(tocSetup(two, 0x3c400001, 0x38421234)).toBe('addis-addi');
    expect(tocSetup(two, 0xe84cfff8, 0x7c426214, [118, undefined])).toBe('load-add');
    expect(tocSetup(two, 0xe84cfff0, 0x7c426214)).toBe('load-add');
    expect(tocSetup(two, 0x60000000, 0x60000000)).toBe('unknown');
  });

  it('is missing where there is one entry', () => {
    expect(tocSetup(0x20, 0x60000000, 0x60000000)).toBe('pcrel');
    expect(tocSetup(0, 0x3c4c0001, 0x38421234)).toBe('none');
  });
});
