/** A kernel that asks for no signature: a patched module is signed, if at all, after it was patched. */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';

export function unsigned(kernel: KernelKnowledge): KernelKnowledge {
  return { ...kernel, options: { ...kernel.options, moduleSigForce: false } };
}
