/** What the prover says of a patch, for people. */
import { pathLines } from '../check/path.ts';
import type { ProofDocument } from './document.ts';

/** Functions that are told by name; of more only the number. */
const MOST = 12;

/** @param verbose whole paths */
export function proofLines(proof: ProofDocument, verbose: boolean): string[] {
  const lines = [head(proof)];
  const proved = proof.functions.filter(f => f.verdict === 'proved');
  for (const f of proved.slice(0, verbose ? proved.length : MOST)) lines.push(`${INDENT}${f.function} (${f.role})`);
  if (!verbose && proved.length > MOST) lines.push(`${INDENT}… and ${proved.length - MOST} more (use --verbose)`);
  for (const ground of proof.grounds) lines.push(`${INDENT}${ground}`);
  for (const f of proof.functions) {
    if (f.verdict === 'proved') continue;
    lines.push(`${f.verdict}: ${f.message} [${f.code}]`);
    if (f.path !== undefined) lines.push(...pathLines(f.path, verbose));
  }
  for (const p of proof.passedOver) {
    lines.push(`${p.strategy} not taken for ${p.function}: ${p.message} [${p.code}]`);
    if (p.path !== undefined) lines.push(...pathLines(p.path, verbose));
  }
  return lines;
}

const INDENT = ' '.repeat(10);

function head({ verdict, kernel, judged, proved, obstacle }: ProofDocument): string {
  if (obstacle !== undefined) return `not proved: ${obstacle.message} [${obstacle.code}]`;
  if (kernel === 'none' || judged === 0) return 'proved:   word by word';
  const isImage = kernel === 'itself';
  const rules = isImage
    ? 'as it starts'
    : kernel === 'assumed'
      ? 'as any kernel of its version loads it'
      : `as ${kernel} loads it`;
  const counts = `${proved} of ${judged} functions of the ${isImage ? 'kernel' : 'module'}, ${rules}`;
  return verdict === 'proved' ? `proved:   ${counts}` : `NOT PROVED: ${counts}`;
}
