/** The new sections of code, word by word as the plan has them. */
import type { Pairing } from './pairing.ts';
import type { Planned } from './planned.ts';
import { count, type Report, wordText } from './verification.ts';

export function compareNewCode(report: Report, pair: Pairing, planned: Planned): string {
  let total = 0;
  planned.plan.newCode.forEach((code, k) => {
    const section = pair.output.sections[pair.code[k]!];
    if (section === undefined) return;
    const words = pair.output.sectionWords(section);
    total += words.length;
    report.counts.addedByPlan += section.sh_size;
    code.words.forEach((word, i) => {
      if (words[i] === word >>> 0) return;
      const found = words[i] === undefined ? 'nothing' : wordText(words[i]);
      report.error('VER042', `the plan has ${wordText(word)} here, the output ${found}`, section, i * 4);
    });
  });
  return `${count(total, 'word')} in ${count(pair.code.length, 'new section')}`;
}
