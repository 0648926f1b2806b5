/** `--redirect` and the redirects of a plan file. */
import { InputError } from '../../util/errors.ts';
import type { PatchArguments } from '../commands/patch.ts';
import type { WrittenRedirect } from './custom.ts';

/** What the command line and the plan file ask for. @throws InputError CLI001 */
export function writtenRedirects(args: PatchArguments): WrittenRedirect[] {
  return [...args.redirects.map(text => redirect(text, args)), ...planned(args)];
}

/** What a plan says of a redirect counts more than the command line. */
function planned({ planned, strategy, at, toc, allowUnproved }: PatchArguments): WrittenRedirect[] {
  const entries = planned?.redirects ?? [];
  return entries.map(e => ({
    from: e.function,
    to: e.to,
    strategy: e.strategy ?? strategy,
    at: e.at ?? at ?? 'after-site',
    toc: e.toc ?? toc,
    isForced: allowUnproved,
  }));
}

/** `F=G`; names may hold `@section+offset`, but neither holds `=`. */
function redirect(text: string, args: PatchArguments): WrittenRedirect {
  const parts = text.split('=');
  if (parts.length !== 2 || parts[0] === '' || parts[1] === '')
    throw new InputError({
      code: 'CLI001',
      message: `--redirect ${JSON.stringify(text)} does not name two functions`,
      expected: 'F=G',
      remedy: 'write the function to be replaced, "=", and its replacement',
    });
  const { strategy, at = 'after-site', toc, allowUnproved: isForced } = args;
  return { from: parts[0]!, to: parts[1]!, strategy, at, toc, isForced };
}
