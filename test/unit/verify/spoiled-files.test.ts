/** A good output with one thing changed: each check has to be able to fail. */
import { describe, expect, it } from 'vitest';
import { ElfEditor } from '../../../src/elf/editor.ts';
import { layOut } from '../../../src/elf/layout.ts';
import { readElf } from '../../../src/elf/read.ts';
import { PATCH_NOTE_SECTION, readPatchNote } from '../../../src/kernel/patch-note.ts';
import { verifyObject } from '../../../src/verify/verify.ts';
import { carryOut, codes, edited, judge, object, patch, redirect, sample, spoiled } from './support/patched.ts';

const MODULE = '6.1/tocsin_demo.ko';
const nopped = patch(MODULE, { nops: ['demo_lookup', 'demo_in_range'] });
const framed = patch(MODULE, { redirects: [redirect('demo_external', 'somewhere_else')] });
const [firstWord] = nopped.plan.words;
const newSection = {
  name: '.stray',
  sh_type: 1,
  sh_flags: 0,
  sh_link: 0,
  sh_info: 0,
  sh_addralign: 1,
  sh_entsize: 0,
  contents: new Uint8Array(4),
};
const newSymbol = { name: 'stray', binding: 1, type: 0, st_other: 0, st_shndx: 0, st_value: 0, st_size: 0 };

describe('a file that cannot be read', () => {
  it('ends the walk, and says which checks were not reached', () => {
    const verification = judge({ ...nopped, output: nopped.output.slice(0, 3000) });
    expect(codes(verification)).toEqual(['VER001']);
    expect(verification.ok).toBe(false);
    expect(verification.checks.filter(c => c.detail === 'not reached').length).toBeGreaterThan(10);
  });

  it('may be readable up to its symbols', () => {
    const bad = spoiled(nopped, s => s.setSymbolByte('demo_lookup', 3, 0x7f));
    expect(codes(bad)).toEqual(['VER001']);
  });
});

describe('structure', () => {
  it('VER002: sh_info of the symbol table', () => {
    expect(codes(spoiled(nopped, s => s.setHeader('.symtab', 44, 3)))).toEqual(['VER002', 'VER032']);
  });

  it('VER002: a local symbol behind a global one', () => {
    expect(codes(spoiled(nopped, s => s.setSymbolByte('demo_alarm', 4, 2)))).toContain('VER002');
  });

  it('VER003: a section that moved to a place it must not have', () => {
    expect(codes(spoiled(nopped, s => s.setHeader('__versions', 48, 4096)))).toEqual(['VER003', 'VER032']);
  });

  it('VER004: a second section with the name of another', () => {
    const { plan, elf } = framed;
    const twice = carryOut(elf, { ...plan, newCode: plan.newCode.map(c => ({ ...c, name: '.exit.text' })) });
    expect(codes(judge(twice))).toContain('VER004');
  });

  it('VER005: a string table without its NUL', () => {
    expect(codes(spoiled(nopped, s => s.setWord('.strtab', 0, 0x41414141)))).toContain('VER005');
  });

  it('VER006: section indices for fewer symbols than there are', () => {
    const editor = new ElfEditor(readElf(sample(MODULE)));
    const sh_link = editor.elf.symbols!.section.index;
    const words = { ...newSection, name: '.symtab_shndx', sh_type: 18, sh_link, sh_addralign: 4, sh_entsize: 4 };
    editor.addSection(words);
    expect(codes(verifyObject(readElf(layOut(editor).bytes)))).toEqual(['VER006']);
  });

  it('VER007: a new function that reaches over its section', () => {
    const { plan, elf } = framed;
    const long = carryOut(elf, {
      ...plan,
      newSymbols: plan.newSymbols.map(s => (s.code === undefined ? s : { ...s, size: 4096 })),
    });
    expect(codes(judge(long))).toEqual(['VER007', 'VER230']);
  });
});

describe('relocations of an object', () => {
  const call = (r: { type: number; word: number }) => r.type === 10 && (r.word & 1) === 1;
  const external = (r: { type: number; word: number; symbol: string }) => call(r) && r.symbol === 'mutex_lock';
  const local = (r: { type: number; word: number; symbol: string }) => call(r) && r.symbol === 'demo_in_range';
  const high = (r: { type: number }) => r.type === 50;
  const low = (r: { type: number }) => r.type === 64;

  it.each([
    ['VER010: a type that nobody defined', ['VER010'], high, 8, 200],
    ['VER011: a type that the loader does not know', ['VER011'], high, 8, 6],
    ['VER013: an instruction that is none', ['VER013'], high, 0, 2],
    ['VER014: a type that its instruction cannot take', ['VER014'], low, 8, 50],
    ['VER015, VER016: a target out of reach', ['VER015', 'VER016', 'VER018'], local, 16, 0x4000000],
    ['VER017: a target between instructions', ['VER017'], local, 16, 2],
    ['VER017: a doubleword at an odd place', ['VER017'], low, 16, 0x13],
    ['VER018: a call of nothing', ['VER018'], local, 12, 0],
    ['VER022: a type of another kind of kernel', ['VER022'], local, 8, 116],
  ] as const)('%s', (_, expected, accept, field, value) => {
    const bad = object(MODULE, s => {
      const entry = s.relocation('.text', accept);
      const before = field === 0 ? s.offsetOf('.text', entry) : 0;
      s.setRelocation('.text', entry, field, before + value);
    });
    expect(codes(bad)).toEqual([...expected].sort());
    expect(bad.ok).toBe(expected[0] === 'VER022');
  });

  it('VER012: a field that runs over the end', () => {
    const bad = object(MODULE, s => s.setRelocation('.data', 0, 0, s.section('.data').sh_size - 4));
    expect(codes(bad)).toEqual(['VER012']);
  });

  it('VER013: data at an odd place is a warning', () => {
    const bad = object(MODULE, s => s.setRelocation('.data', 0, 0, s.offsetOf('.data', 0) + 2));
    expect(codes(bad)).toEqual(['VER013']);
    expect(bad.ok).toBe(true);
  });

  it('VER014: an entry sequence that is another', () => {
    const bad = object(MODULE, s => {
      const entry = s.relocation('.text', r => r.type === 118);
      s.setWord('.text', s.offsetOf('.text', entry) + 4, 0x7c426a14);
    });
    expect(codes(bad)).toEqual(['VER014']);
  });

  it('VER016: a 16-bit TOC offset that no r2 reaches', () => {
    const bad = object(MODULE, s => {
      const entry = s.relocation('.text', low);
      s.setRelocation('.text', entry, 8, 63);
      s.setRelocation('.text', entry, 16, 0x10000);
    });
    expect(codes(bad)).toEqual(['VER015', 'VER016']);
  });

  it('VER019: a callee that does not keep r2', () => {
    expect(codes(object(MODULE, s => s.setSymbolByte('demo_in_range', 5, 0x20)))).toEqual(['VER019']);
  });

  it('VER020: an external call without its nop', () => {
    const bad = object(MODULE, s =>
      s.setWord('.text', s.offsetOf('.text', s.relocation('.text', external)) + 4, 0x38600000),
    );
    expect(codes(bad)).toEqual(['VER020']);
    expect(bad.checks.filter(c => !c.ok).map(c => c.name)).toEqual(['external calls']);
    expect(bad.findings[0]?.function).toBeDefined();
  });

  it('VER021: an external call that does not come back', () => {
    const bad = object(MODULE, s => {
      const at = s.offsetOf('.text', s.relocation('.text', external));
      s.setWord('.text', at, s.word('.text', at) & ~1);
    });
    expect(codes(bad)).toEqual(['VER021']);
  });
});

describe('everything outside the plan', () => {
  it('VER030: the ELF header', () => {
    const bad = spoiled(nopped, s => {
      s.bytes[50] = 1;
    });
    expect(codes(bad)).toEqual(['VER030']);
  });

  it('VER031: a section too many', () => {
    expect(codes(edited(nopped, e => e.addSection(newSection)))).toEqual(['VER031']);
  });

  it('VER031: a new section missing', () => {
    const { plan, elf } = framed;
    const without = carryOut(elf, { ...plan, newCode: [], newSymbols: [], addedRelocations: [], addedVersions: [] });
    expect(codes(judge({ ...framed, output: without.output }))).toEqual(expect.arrayContaining(['VER031', 'VER036']));
  });

  it('VER032: a section header', () => {
    expect(codes(spoiled(nopped, s => s.setHeader('.data', 48, 4)))).toEqual(['VER032']);
    expect(codes(spoiled(nopped, s => s.setHeader('.bss', 24, 0x40)))).toEqual(['VER032']);
    expect(codes(spoiled(nopped, s => s.setHeader('.rodata', 8, 3)))).toEqual(['VER032']);
  });

  it('VER033: a word of code, with the name of its function', () => {
    const bad = spoiled(nopped, s => s.setWord('.text', firstWord!.offset + 8, 0x38600001));
    expect(codes(bad)).toContain('VER033');
    expect(bad.findings.find(f => f.code === 'VER033')).toMatchObject({ section: '.text', function: 'demo_in_range' });
  });

  it('VER034: a word of the plan that was not changed', () => {
    const bad = spoiled(nopped, s => s.setWord('.text', firstWord!.offset, firstWord!.before));
    expect(codes(bad)).toEqual(['VER034', 'VER050']);
  });

  it('VER034: a plan for another input', () => {
    const plan = { ...nopped.plan, words: nopped.plan.words.map(w => ({ ...w, before: w.before ^ 4 })) };
    expect(codes(judge({ ...nopped, plan }))).toEqual(['VER034']);
  });

  it('VER035: a symbol that differs, or is one too many', () => {
    const changed = spoiled(nopped, s => s.setSymbolByte('demo_lookup', 5, 0x80));
    expect(changed.findings.find(f => f.code === 'VER035')?.message).toMatch(/demo_lookup.*st_other was 96 and is 128/);
    expect(codes(edited(nopped, e => e.addSymbol(newSymbol)))).toEqual(expect.arrayContaining(['VER035', 'VER039']));
  });

  it('VER036: a new symbol that is not as planned', () => {
    expect(codes(spoiled(framed, s => s.setSymbolByte('somewhere_else', 4, 0x20)))).toEqual(
      expect.arrayContaining(['VER035', 'VER036']),
    );
  });

  it('VER037: a relocation that differs, is missing, or is one too many', () => {
    const differs = spoiled(nopped, s => s.setRelocation('.data', 0, 16, 4));
    expect(codes(differs)).toEqual(['VER037', 'VER046']);
    const missing = edited(nopped, e => e.removeRelocation(e.elf.sectionNamed('.rela.data')!.index, 1));
    expect(codes(missing)).toEqual(expect.arrayContaining(['VER032', 'VER037']));
    const more = edited(nopped, e => e.appendRelocation(e.elf.sectionNamed('.rela.data')!.index, 0, 1, 38, 0));
    expect(codes(more)).toEqual(expect.arrayContaining(['VER032', 'VER037']));
  });

  it('VER038: a relocation that was to go, or to come', () => {
    const { plan, elf } = nopped;
    const kept = carryOut(elf, { ...plan, removedRelocations: plan.removedRelocations.slice(1) });
    expect(codes(judge({ ...nopped, output: kept.output }))).toEqual(expect.arrayContaining(['VER038', 'VER051']));
    const lost = carryOut(framed.elf, { ...framed.plan, addedRelocations: [] });
    expect(codes(judge({ ...framed, output: lost.output }))).toEqual(expect.arrayContaining(['VER038', 'VER054']));
  });

  it('VER039: names', () => {
    const grown = edited(framed, e => e.append(e.elf.sectionNamed('.strtab')!.index, Buffer.from('stray\0')));
    expect(codes(grown)).toContain('VER039');
  });

  it('VER040: no note, or one about something else', () => {
    const bare = edited(nopped, e => e.dropSection(e.elf.sectionNamed(PATCH_NOTE_SECTION)!.index));
    expect(codes(bare)).toEqual(['VER039', 'VER040']);
    const { plan } = nopped;
    expect(codes(judge({ ...nopped, plan: { ...plan, actions: plan.actions.slice(1) } }))).toEqual([
      'VER040',
      'VER130',
      'VER229',
    ]);
  });

  it('VER042: a word of the new code', () => {
    expect(codes(spoiled(framed, s => s.setWord('.text.tocsin', 8, 0xf821ffd1)))).toContain('VER042');
    expect(codes(spoiled(framed, s => s.setHeader('.text.tocsin', 8, 7)))).toEqual(['VER042']);
  });

  it('VER043: a plan that cannot be carried out on this input', () => {
    const { plan } = nopped;
    const twice = { ...plan, words: [...plan.words, ...plan.words] };
    const stray = { ...plan, removedRelocations: [{ table: firstWord!.section, entry: 0 }] };
    for (const bad of [twice, stray]) {
      const verification = judge({ ...nopped, plan: bad });
      expect(codes(verification)).toEqual(['VER043']);
      expect(verification.checks.at(-1)?.detail).toBe('not reached');
    }
  });

  it('VER044: bytes that belong to nobody', () => {
    const output = new Uint8Array(nopped.output.length + 4);
    output.set(nopped.output);
    output[output.length - 1] = 7;
    expect(codes(judge({ ...nopped, output }))).toEqual(['VER044']);
  });

  it('VER046: a note whose script gives something else back', () => {
    const note = readElf(nopped.output.slice()).sectionNamed(PATCH_NOTE_SECTION)!;
    const script = readPatchNote(readElf(nopped.output.slice()))!.script;
    for (const at of [0, 3, Math.floor(script.length / 2), script.length - 1]) {
      const output = nopped.output.slice();
      const place = note.sh_offset + note.sh_size - ((script.length + 3) & ~3) + at;
      expect(output[place]).toBe(script[at]);
      output[place]! ^= 0x10;
      expect(codes(judge({ ...nopped, output }))).toEqual(['VER046']);
    }
  });

  it('VER047, VER048: the version of an import', () => {
    const bad = spoiled(framed, s => s.setWord('__versions', s.section('__versions').sh_size - 64, 1));
    expect(codes(bad)).toEqual(['VER047']);
    const without = patch(MODULE, {
      redirects: [redirect('demo_external', 'nowhere')],
      allowUnversioned: true,
    });
    const verification = judge(without);
    expect(codes(verification)).toEqual(['VER048']);
    expect(verification.ok).toBe(true);
  });
});

describe('signatures', () => {
  const unsigned = sample(MODULE);
  const signature = Buffer.concat([
    Buffer.alloc(64, 0x5a),
    Buffer.from([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 64]),
    Buffer.from('~Module signature appended~\n'),
  ]);
  const good = patch(Buffer.concat([unsigned, signature]), { nops: ['demo_lookup'] });

  it('goes as planned', () => {
    const verification = judge(good);
    expect(verification.findings).toEqual([]);
    expect(verification.compared.removedByPlan).toBeGreaterThan(signature.length);
  });

  it('VER041: stays, or was never there', () => {
    const kept = carryOut(good.elf, { ...good.plan, dropsSignature: false });
    expect(codes(judge(kept))).toEqual(['VER041']);
    expect(codes(judge({ ...good, output: kept.output }))).toEqual(expect.arrayContaining(['VER040', 'VER044']));
    const none = carryOut(nopped.elf, { ...nopped.plan, dropsSignature: true });
    expect(codes(judge(none))).toEqual(['VER041']);
  });
});

describe('any byte', () => {
  it.each([
    ['nop', nopped],
    ['frame', framed],
  ] as const)('of a patched file (%s) that changes is noticed', (_, good) => {
    const elf = readElf(good.output.slice());
    const note = elf.sectionNamed(PATCH_NOTE_SECTION)!;
    const unseen: number[] = [];
    // Every 13th byte, and a bit that depends on where it is.
    for (let at = 0; at < good.output.length; at += 13) {
      const output = good.output.slice();
      output[at]! ^= 1 << (at % 8);
      if (judge({ ...good, output }).ok) unseen.push(at);
    }
    const inTool = Buffer.from(good.output).indexOf('"test"', note.sh_offset);
    // What has no contents may stand anywhere between its neighbours: bytes 24 to 31 of its header say where.
    const empty = elf.sections.filter(s => !s.hasContents).map(s => elf.header.e_shoff + s.index * 64 + 24);
    const isLoose = (at: number) => empty.some(start => at >= start && at < start + 8);
    expect(unseen.filter(at => (at < inTool || at > inTool + 6) && !isLoose(at))).toEqual([]);
  });
});

describe('what modinfo shows of the patch', () => {
  it('VER130: another version than the note has, number of actions or file, or a string behind it', () => {
    const spoil = (text: string, by: string) => {
      const output = framed.output.slice();
      const at = Buffer.from(output).indexOf(text);
      expect(at).toBeGreaterThan(0);
      output.set(Buffer.from(by), at);
      return codes(judge({ ...framed, output }));
    };
    const { tool, original } = readPatchNote(readElf(framed.output))!.record;
    expect(spoil(`tocsin=${tool}:`, `tocsin=${tool.replace(/.$/, 'x')}:`)).toEqual(['VER130']);
    expect(spoil(`original ${original.sha256.slice(0, 16)}`, `original ${'0'.repeat(16)}`)).toEqual(['VER130']);
    expect(spoil(': redirect frame 1, original', ': redirect saved 1, original')).toEqual(['VER130']);
    expect(spoil(': redirect frame 1, original', ': redirect frame 2, original')).toEqual(['VER130']);
    expect(spoil(': redirect frame 1, original', ': redirect frame 1\0 original')).toEqual(['VER130']);
  });
});
