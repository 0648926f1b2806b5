/** A running kernel's addresses, as /proc/kallsyms lists them. */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { InputError } from '../../util/errors.ts';
import { linesOf, parseAddress } from './addresses.ts';

export interface RunningKernel {
  /** Address of a symbol of the kernel itself. */
  readonly address: (name: string) => bigint | undefined;
  /** Address of a symbol of a loaded module. */
  readonly moduleAddress: (module: string, name: string) => bigint | undefined;
  /** What r2 holds in the kernel. */
  readonly toc: bigint;
}

/**
 * Not every kernel lists its data. What is missing lies as far from its linked address as the kernel's first byte does.
 *
 * @throws InputError LOD001 for a line that is none, LOD004 where all addresses are hidden
 */
export async function readKallsyms(path: string, kernel: KernelKnowledge): Promise<RunningKernel> {
  const own = new Map<string, bigint>();
  const modules = new Map<string, Map<string, bigint>>();
  let isShown = false;
  for (const [i, line] of (await linesOf(path)).entries()) {
    if (line === '') continue;
    const [, digits, name, module] = /^([0-9a-fA-F]+) \S (\S+)(?:\s+\[(\S+)\])?\s*$/.exec(line) ?? [];
    const address = parseAddress((digits ?? '').padStart(16, '0'));
    if (name === undefined || address === undefined)
      throw new InputError({
        code: 'LOD001',
        file: path,
        message: `line ${i + 1} is not of the form ADDRESS TYPE NAME [MODULE]`,
        found: line.slice(0, 80),
        remedy: 'give a copy of /proc/kallsyms',
      });
    if (address !== 0n) isShown = true;
    const symbols = module === undefined ? own : symbolsOf(modules, module);
    // Of several symbols with one name the kernel finds the first.
    if (!symbols.has(name)) symbols.set(name, address);
  }
  if (!isShown)
    throw new InputError({
      code: 'LOD004',
      file: path,
      message: 'shows no addresses',
      remedy: 'read /proc/kallsyms as root (see kernel.kptr_restrict)',
    });
  const linked = kernel.symbols.find('_stext')[0];
  const start = own.get('_stext');
  const moved = linked === undefined || start === undefined ? 0n : start - linked;
  return {
    address: name => own.get(name) ?? moveBy(kernel, name, moved),
    moduleAddress: (module, name) => modules.get(module)?.get(name),
    toc: BigInt.asUintN(64, kernel.toc + moved),
  };
}

function symbolsOf(modules: Map<string, Map<string, bigint>>, module: string): Map<string, bigint> {
  const known = modules.get(module);
  if (known !== undefined) return known;
  const made = new Map<string, bigint>();
  modules.set(module, made);
  return made;
}

function moveBy(kernel: KernelKnowledge, name: string, distance: bigint): bigint | undefined {
  const exported = kernel.exports.find(name);
  const linked = exported >= 0 ? kernel.exports.address(exported) : kernel.symbols.find(name)[0];
  return linked === undefined ? undefined : BigInt.asUintN(64, linked + distance);
}
