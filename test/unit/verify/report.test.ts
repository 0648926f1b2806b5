import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/util/errors.ts';
import { Report } from '../../../src/verify/verification.ts';

const NOTHING = { checked: 0, undecided: 0, byType: {} };

describe('Report', () => {
  it('keeps twenty findings with one code and counts the rest', () => {
    const report = new Report();
    report.step('many', () => {
      for (let i = 0; i < 25; i++) report.error('VER033', `number ${i}`, '.text', i);
      return 'done';
    });
    const { findings, ok } = report.finish(NOTHING);
    expect(ok).toBe(false);
    expect(findings).toHaveLength(21);
    expect(findings[20]).toMatchObject({ code: 'VER033', message: 'and 5 more findings with this code' });
  });

  it('VER045: bytes that nobody has looked at', () => {
    const report = new Report();
    report.counts.identical = 10;
    report.step('every byte', () => report.account(12));
    expect(report.finish(NOTHING).findings.map(f => f.code)).toEqual(['VER045']);
  });

  it('ends the walk where the output cannot be read, and lets bugs through', () => {
    const report = new Report();
    report.step('first', () => {
      throw new InputError({ code: 'ELF011', message: 'gone', expected: 'more', found: 'less' });
    });
    report.step('second', () => {
      throw new Error('never run');
    });
    const { checks, findings } = report.finish(NOTHING);
    expect(findings[0]?.message).toContain('ELF011');
    expect(checks.map(c => c.detail)).toEqual(['not finished', 'not reached']);
    expect(() =>
      new Report().step('bug', () => {
        throw new TypeError('bug');
      }),
    ).toThrow(TypeError);
  });

  it('does not let warnings stop a write', () => {
    const report = new Report();
    report.step('warned', () => {
      report.warn('VER071', 'odd');
      report.note('VER022', 'odd');
      return '';
    });
    expect(report.finish(NOTHING)).toMatchObject({ ok: true, checks: [{ name: 'warned', ok: true }] });
  });
});
