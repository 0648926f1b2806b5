/**
 * Judges a file from which every call site was taken out: the steps of `verifyOutput`, each as a function that says "all right" or
 * nothing. What they do not let through, `verifyOutput` judges. They know what was meant from the plan, and what was done from the
 * bytes, and share nothing with what made them.
 */
import { outputSize, readInput, readOutput } from './files';
import { findInformation } from './information';
import { addedByPlan, changedByPlan, identical, layout, removedByPlan, startRoom, zeroed } from './memory';
import { byType, checked, undecided } from './rules';

export { functionsAreThere, sitesAreGone } from './actions';
export {
  checkAlignment,
  compareContents,
  compareHeaders,
  compareRelocations,
  compareStrings,
  compareSymbols,
  hasNoNewCode,
  hasNoNewSymbols,
  pairSections,
} from './compare';
export { setFiles } from './files';
export { checkInformation, isTold, setInformation } from './information';
export { checkLabels } from './labels';
export { checkNote, setHead } from './note';
export { compareFile } from './parts';
export { checkPlan, setPlan } from './plan';
export { checkRelocations, externalsAreGood, setRules } from './rules';
export { checkStructure } from './structure';
export { startRoom };

export function reRead(): bool {
  return readInput() && readOutput() && findInformation();
}

export function everyByte(): bool {
  return identical + changedByPlan + addedByPlan + layout === outputSize;
}

/** Where the counts are: bytes by reason (five words), relocations, those that are undecided, where those by type are. */
export function result(): u32 {
  const at = zeroed(32);
  if (at === 0) return 0;
  store<u32>(at, identical);
  store<u32>(at, changedByPlan, 4);
  store<u32>(at, addedByPlan, 8);
  store<u32>(at, layout, 12);
  store<u32>(at, removedByPlan, 16);
  store<u32>(at, checked, 20);
  store<u32>(at, undecided, 24);
  store<u32>(at, byType, 28);
  return at;
}
