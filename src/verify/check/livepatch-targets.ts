/**
 * What a livepatch will do with the modules that it patches: the relocations that wait for each of them, and the functions that it
 * replaces there, as klp_enable_patch() finds them if the module is loaded by then. Done when the module comes later, the same
 * fails in the same words, and then it is that module which the kernel does not load.
 */
import { symbolsOf } from '../../loader/livepatch-symbols.ts';
import { loadModule } from '../../loader/load.ts';
import type { EnabledLivepatch, LoadedModule, LoadOutcome, LoadRequest } from '../../loader/model.ts';
import type { CheckFinding } from './finding.ts';

/** Away from the livepatch, in the same area. */
const TARGET_BASE = 0xc008_0000_2000_0000n;

export class LivepatchTargets {
  readonly #load: LoadRequest;
  readonly #bytesOf: (name: string) => Uint8Array | undefined;
  readonly #loaded = new Map<string, LoadedModule | undefined>();

  /** @param load what the livepatch is loaded with */
  constructor(load: LoadRequest, bytesOf: ((name: string) => Uint8Array | undefined) | undefined) {
    this.#load = load;
    this.#bytesOf = bytesOf ?? (() => undefined);
  }

  /** The module as it lies in memory; `undefined` where it is not given, or not loaded. */
  #module(name: string): LoadedModule | undefined {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    const bytes = this.#bytesOf(name);
    const outcome =
      bytes === undefined
        ? undefined
        : loadModule({ ...this.#load, bytes, placement: { kind: 'base', base: TARGET_BASE }, enableLivepatch: false });
    const module =
      outcome?.image === undefined
        ? undefined
        : { name: outcome.name, exports: outcome.exports, gplCompatible: outcome.gplCompatible, image: outcome.image };
    this.#loaded.set(name, module);
    return module;
  }

  /** Symbols of a name that the livepatch core finds in a module: kernels that have it keep all of them. */
  count = (name: string, symbol: string): number | undefined => {
    if (!this.#load.kernel.options.kallsymsAll) return undefined;
    const module = this.#module(name);
    return module === undefined ? undefined : symbolsOf(new Map([[name, module]]))(name, symbol)?.length;
  };

  /** @param outcome of the livepatch by itself */
  findings(outcome: LoadOutcome, { patch }: EnabledLivepatch): CheckFinding[] {
    return patch.objects.flatMap(({ name }) => (name === undefined ? [] : this.#findingsOf(outcome, name)));
  }

  #findingsOf(alone: LoadOutcome, name: string): CheckFinding[] {
    const module = this.#module(name);
    if (module === undefined)
      return [
        {
          code: 'KLP215',
          level: 'note',
          message: `it patches ${name}, which is not given, so what it does there was not looked at (--modules)`,
        },
      ];
    const { loads, errno, log, remarks } = loadModule({ ...this.#load, modules: new Map([[name, module]]) });
    const known = new Set(alone.remarks.map(({ message }) => message));
    const late = remarks
      .filter(({ message }) => !known.has(message))
      .map((remark): CheckFinding => ({ ...remark, message: `once ${name} is loaded: ${remark.message}` }));
    if (loads) return late;
    const said = log.at(-1)?.text ?? `${errno?.name ?? 'an error'}, without a word`;
    return [
      ...late,
      { code: 'KLP216', level: 'error', message: `once ${name} is loaded the livepatch fails: ${said}` },
    ];
  }
}
