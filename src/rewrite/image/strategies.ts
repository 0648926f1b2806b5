/** Strategies that a linked image is not given. All of its code shares one TOC, so what they are for does not come up. */
import { imageRefusal } from './refusals.ts';

const ONE_TOC = 'all of it shares one TOC, so';
const DIRECT = 'direct brings every function to every other';

const WHY_NOT: ReadonlyMap<string, string> = new Map([
  ['frame', `${ONE_TOC} there is no r2 that a frame would have to keep: ${DIRECT}`],
  ['epilogue', `${ONE_TOC} no return has to bring it back, and no other module is entered: ${DIRECT}`],
  [
    'shadow',
    `${ONE_TOC} nothing has to wait beside the stack for a return: ${DIRECT}, whatever its arguments; and the counters are parameters, of which a kernel has one table, without room`,
  ],
]);

/** @param strategy as a request or the command line names it; @throws RefusalError PAT195 */
export function checkImageStrategy(strategy: string): void {
  const why = WHY_NOT.get(strategy);
  if (why !== undefined) throw imageRefusal('PAT195', { what: `--strategy ${strategy}`, why });
}
