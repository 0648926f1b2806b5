/** `.modinfo` of objects: what comes along, whose licence counts, and a judge who finds what is not so. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { modinfoOf } from '../../../src/kernel/modinfo.ts';
import type { MergeObject } from '../../../src/merge/objects.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { type ObjectBuilder, R, SHF, STB, STT } from '../../support/object-builder.ts';
import { refusalOf } from '../rewrite/support/module.ts';
import { fixObject, type MergedForTest, merge, moduleBuilder } from './support/objects.ts';

const saying = (object: ObjectBuilder, text: string): number =>
  object.section('.modinfo', { flags: SHF.ALLOC, align: 1, bytes: Buffer.from(text, 'latin1') });

const MODULE = 'license=GPL\0description=A module\0parm=old:its own\0\0name=m\0vermagic=6.1\0';

const moduleSaying = (text: string) => {
  const builder = moduleBuilder();
  saying(builder, text);
  return readElf(builder.build());
};

const objectSaying = (text: string, name = 'fix.o'): MergeObject => fixObject(o => void saying(o, text), name);

const merged = (texts: readonly string[], module = MODULE): MergedForTest =>
  merge(
    texts.map((text, i) => objectSaying(text, `fix${i}.o`)),
    moduleSaying(module),
  );

const said = ({ elf }: MergedForTest) => modinfoOf(elf).map(e => `${e.key}=${e.value}`);
const OWN = ['license=GPL', 'description=A module', 'parm=old:its own', 'name=m', 'vermagic=6.1'];

describe('what objects say of themselves', () => {
  it('comes along where it is not about the module as a whole', () => {
    const result = merged(['license=GPL v2\0\0description=A fix\0parm=new:of the fix\0author=Somebody\0version=2\0']);
    expect(said(result)).toEqual([...OWN, 'parm=new:of the fix', 'author=Somebody']);
    expect(verifyMerge(result, result.bytes).findings).toEqual([]);
    expect(result.plan.leftOut).toEqual([{ object: 0, section: '.modinfo', why: 'the module says it of itself' }]);
    expect(result.plan.warnings).toEqual([]);
  });

  it('stays out as a whole where nothing of it is left', () => {
    const result = merged(['license=GPL\0parm=old:its own\0']);
    expect(said(result)).toEqual(OWN);
    expect(result.plan.pieces.every(p => result.objects[0]!.elf.sections[p.section]!.name !== '.modinfo')).toBe(true);
    expect(verifyMerge(result, result.bytes).findings).toEqual([]);
  });

  it('comes along as it is where nothing is to be left out, once of several objects', () => {
    const [one, two] = ['license=GPL\0author=One\0', 'license=GPL\0author=One\0author=Two\0'];
    const result = merged([one, two]);
    expect(said(result)).toEqual([...OWN, 'author=One', 'author=Two']);
    expect(verifyMerge(result, result.bytes).findings).toEqual([]);
    const plain = merge([fixObject(o => void saying(o, 'author=One\0\0parm=x:y\0'))], moduleSaying(MODULE));
    expect(plain.plan.pieces.find(p => p.size === 21)?.kept).toBeUndefined();
    expect(verifyMerge(plain, plain.bytes).findings).toEqual([]);
  });

  it('is refused where the last string has no end', () => {
    expect(refusalOf(() => merged(['author=One']))).toBe('PAT116');
    expect(refusalOf(() => merged(['author=One\0'], 'license=GPL'))).toBe('PAT116');
  });

  it('cannot be referred to where some of it stays out', () => {
    const refers = (text: string) =>
      fixObject((o, code) => {
        const information = saying(o, text);
        const symbol = o.symbol('text_of_fix', {
          section: information,
          value: 0,
          size: 4,
          type: STT.OBJECT,
          bind: STB.LOCAL,
        });
        o.relocate(code, 4, R.TOC16_HA, symbol);
      });
    expect(refusalOf(() => merge([refers('license=GPL\0author=One\0')], moduleSaying(MODULE)))).toBe('PAT109');
    expect(refusalOf(() => merge([refers('author=One\0')], moduleSaying(MODULE)))).toBe('none');
  });
});

describe('the licence of an object', () => {
  it.each(['Proprietary', 'Apache-2.0', ''])(
    'that does not go with the GPL (%s) is refused in a GPL module',
    license => {
      expect(refusalOf(() => merged([`license=${license}\0`]))).toBe('PAT200');
      expect(refusalOf(() => merged([`license=GPL\0license=${license}\0`]))).toBe('PAT200');
    },
  );

  it('is told where there is none, but for objects of our own', () => {
    expect(merged(['author=One\0']).plan.warnings).toEqual([
      "fix0.o states no licence: the kernel takes it to be under that of the module, 'GPL'",
    ]);
    const own = { ...fixObject(), isOwn: true };
    expect(merge([own], moduleSaying(MODULE)).plan.warnings).toEqual([]);
  });

  it('is told where the module has another that does not go with the GPL', () => {
    expect(merged(['license=GPL\0'], 'license=Proprietary\0').plan.warnings).toEqual([
      "fix0.o is under 'GPL', and the module under 'Proprietary', which is what counts",
    ]);
    expect(merged(['license=GPL\0'], 'name=m\0').plan.warnings).toEqual([
      "fix0.o is under 'GPL', and the module states no licence, which is what counts",
    ]);
    expect(said(merged(['license=GPL\0'], 'name=m\0'))).toEqual(['name=m']);
  });

  it('is not looked at in a livepatch, which is refused', () => {
    expect(refusalOf(() => merged(['livepatch=Y\0license=GPL\0']))).toBe('PAT201');
  });
});

describe('the judge', () => {
  const good = merged(['license=GPL\0parm=new:of the fix\0author=Somebody\0']);
  const codes = (result: MergedForTest, bytes = result.bytes) => [
    ...new Set(verifyMerge(result, bytes).findings.map(f => f.code)),
  ];

  it('finds every change of what came along', () => {
    const section = good.elf.sectionNamed('.modinfo')!;
    for (let at = section.sh_offset; at < section.sh_offset + section.sh_size; at++) {
      const bytes = good.bytes.slice();
      bytes[at] = bytes[at]! ^ 0x20;
      expect(codes(good, bytes)).not.toEqual([]);
    }
  });

  it('finds a string too many', () => {
    const [piece] = good.plan.pieces.filter(p => p.kept !== undefined);
    const { kept: _, ...all } = { ...piece!, size: piece!.size + 12 };
    const plan = { ...good.plan, pieces: good.plan.pieces.map(p => (p === piece ? all : p)) };
    expect(codes({ ...good, plan })).toContain('VER080');
  });

  it("finds another licence in front, and one that is not the kernel's", () => {
    const bytes = Buffer.from(good.bytes);
    const at = bytes.indexOf('parm=new:of the fix');
    bytes.write('license=BSD\0xxxxxxx', at, 'latin1');
    expect(codes(good, bytes)).toEqual(expect.arrayContaining(['VER081', 'VER180']));
    const objects = [objectSaying('license=BSD\0parm=new:of the fix\0author=Somebody\0', 'fix0.o')];
    expect(codes({ ...good, objects })).toContain('VER181');
  });
});
