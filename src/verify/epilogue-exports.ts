/** Whether a copy is exported as the plan says, by the tables that the kernel reads. */
import type { ElfFile } from '../elf/read.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import { type ModuleExports, moduleExports } from '../kernel/module-exports.ts';
import type { PlannedEpilogue } from '../plan/plan.ts';
import { relocationsOn } from './places.ts';
import type { Report } from './verification.ts';

const ROW = 24;

export class Exports {
  readonly #elf: ElfFile;
  readonly #exports: ModuleExports | undefined;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#exports = moduleExports(elf.bytes);
  }

  judge(
    report: Report,
    { symbol, gplOnly, namespace, crc, section, offset }: PlannedEpilogue,
    copy: KernelFunction,
  ): void {
    const tell = (message: string) => report.error('VER146', `${symbol} ${message}`, section, offset, symbol);
    const { names = [], gplOnly: flags, namespaces, crcs } = this.#exports ?? {};
    const i = names.indexOf(symbol);
    if (i < 0 || names.indexOf(symbol, i + 1) >= 0) {
      tell('is not exported once');
      return;
    }
    if ((flags![i] === 1) !== gplOnly || namespaces![i] !== namespace)
      tell('is exported on other terms than the plan has');
    if (crcs !== undefined && crcs[i] !== crc) tell('is exported with another checksum than the plan has');
    if (!this.#leadsTo(i, copy)) tell('is exported, and the entry leads elsewhere');
  }

  /** Row `i` of the two tables, the plain one first. */
  #leadsTo(i: number, copy: KernelFunction): boolean {
    const symbols = this.#elf.symbols!;
    let row = i;
    for (const name of ['__ksymtab', '__ksymtab_gpl']) {
      const table = this.#elf.sectionNamed(name);
      const rows = (table?.sh_size ?? 0) / ROW;
      if (row >= rows) {
        row -= rows;
        continue;
      }
      const on = relocationsOn(this.#elf, table!.index, new Set([row * ROW])).get(row * ROW) ?? [];
      return (
        on.length === 1 &&
        symbols.sectionOf(on[0]!.symbol) === copy.section.index &&
        symbols.value(on[0]!.symbol) + on[0]!.addend === copy.global
      );
    }
    return false;
  }
}
