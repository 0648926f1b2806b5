/** The twin of `load_module()`: the steps in the kernel's order. */
import { loadedImage } from './image.ts';
import type { LoadOutcome, LoadRequest } from './model.ts';
import { rulesFor } from './rules.ts';
import { ERRNO, type ErrnoName, KernelRefusal, LoadState, NeedsImage } from './state.ts';
import { sequence } from './steps.ts';

/**
 * Loads `request.bytes` as the kernel would. Nothing in a file makes this throw: what the kernel refuses comes back as an
 * outcome with the kernel's errno and messages.
 */
export function loadModule(request: LoadRequest): LoadOutcome {
  const checked = new LoadState(request, rulesFor(request.kernel));
  const answer = run(checked);
  if (answer !== 'image needed') return outcomeOf(checked, answer);
  const state = new LoadState({ ...request, checkOnly: false }, rulesFor(request.kernel));
  const errno = run(state);
  if (errno === 'image needed') throw new Error(`${state.step} asks for the image that it has`);
  return outcomeOf(state, errno, false);
}

/** @param withImage whether the image was asked for */
function outcomeOf(
  state: LoadState,
  errno: ErrnoName | undefined,
  withImage = state.request.checkOnly !== true,
): LoadOutcome {
  return {
    loads: errno === undefined,
    ...(errno !== undefined && { errno: { name: errno, number: ERRNO[errno] }, step: state.step }),
    log: state.log,
    remarks: state.remarks,
    dangerous: state.dangerous,
    unknown: state.unknown,
    taints: state.taints,
    ...(errno === undefined && withImage && { image: loadedImage(state) }),
    exports: state.exports,
    ...(errno === undefined && state.livepatched && { livepatch: state.livepatched }),
    ...(state.changed.size > 0 && { changedLivepatches: state.changed }),
    uses: state.uses,
    gplCompatible: state.gplCompatible,
    name: state.name === '' ? state.infoName : state.name,
  };
}

/** @returns the error that finit_module(2) gives, if it gives one */
function run(state: LoadState): ErrnoName | 'image needed' | undefined {
  // Files of no bytes are refused where they are read, before the loader sees them.
  if (state.bytes.length === 0) return 'EINVAL';
  try {
    for (const [name, step] of sequence(state)) {
      state.step = name;
      step(state);
    }
  } catch (refusal) {
    if (refusal instanceof NeedsImage) return 'image needed';
    if (!(refusal instanceof KernelRefusal)) throw refusal;
    return refusal.errno;
  }
  return undefined;
}
