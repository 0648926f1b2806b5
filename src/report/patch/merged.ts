/** What became of merged objects: sections, symbols, bindings. */
import type { ElfFile } from '../../elf/read.ts';
import { modinfoOf } from '../../kernel/modinfo.ts';
import type { ImagePlan } from '../../plan/image.ts';
import type { Binding, LeftOut, MergedObject, MergePlan, NewExport, RenamedSymbol } from '../../plan/merge.ts';
import { hex } from '../../util/bytes.ts';

interface MergedPart {
  /** File name of the object. */
  readonly object: string;
  /** Section of the result. */
  readonly section: string;
  /** Bytes. */
  readonly offset: number;
  readonly size: number;
  readonly isNew: boolean;
}

/** Entries name their object by its file name. */
type OfObject<T extends { readonly object: number }> = Omit<T, 'object'> & { readonly object: string };

export interface MergedDocument {
  readonly objects: readonly MergedObject[];
  readonly sections: readonly MergedPart[];
  /** Names of the symbols that were added. */
  readonly symbols: readonly string[];
  readonly bindings: readonly OfObject<Binding>[];
  readonly renamed: readonly OfObject<RenamedSymbol>[];
  readonly leftOut: readonly OfObject<LeftOut>[];
  /** What the objects export, and the module from now on; absent where that is nothing. */
  readonly exports?: readonly ExportDocument[];
}

/** Checksums are written as in `Module.symvers`: `0x` and eight digits. */
type ExportDocument = Omit<OfObject<NewExport>, 'crc'> & { readonly module: string; readonly crc?: string };

/** @param merged the merged module */
export function mergedDocument(plan: MergePlan, merged: ElfFile): MergedDocument {
  const first = merged.symbols!.count - plan.symbols.length;
  const own = new Set(plan.sections.map(s => s.name));
  const named = <T extends { readonly object: number }>(item: T): OfObject<T> => ({
    ...item,
    object: plan.objects[item.object]!.name,
  });
  return {
    objects: plan.objects,
    sections: plan.pieces.map(({ object, target, offset, size }) => {
      const section = merged.sections[target]!.name;
      return { object: plan.objects[object]!.name, section, offset, size, isNew: own.has(section) };
    }),
    symbols: plan.symbols.map((_, i) => merged.symbols!.name(first + i)),
    bindings: plan.bindings.map(named),
    renamed: plan.renamed.map(named),
    leftOut: plan.leftOut.map(named),
    ...(plan.exports.length > 0 && {
      exports: plan.exports.map(({ crc, ...e }) => ({
        ...named(e),
        module: modinfoOf(merged).find(m => m.key === 'name')?.value ?? '',
        ...(crc !== undefined && { crc: `0x${crc.toString(16).padStart(8, '0')}` }),
      })),
    }),
  };
}

/** The same of objects in a kernel image. */
export function mergedImageDocument(plan: ImagePlan): MergedDocument {
  const nameOf = (object: number) => plan.merged[object]!.name;
  const own = new Set(plan.pieces.map(p => p.part));
  return {
    objects: plan.merged,
    sections: plan.pieces.map(({ object, part, offset, size }) => ({
      object: nameOf(object),
      section: plan.parts[part]!.name,
      offset,
      size,
      isNew: true,
    })),
    symbols: plan.symbols.filter(s => own.has(s.part)).map(s => s.name),
    bindings: plan.bindings.map(({ object, name, to, address }) => ({
      object: nameOf(object),
      name,
      to,
      place: `0x${address.toString(16)}`,
    })),
    renamed: [],
    leftOut: [],
  };
}

/**
 * What the objects export as lines of a `Module.symvers`, for the builds of modules that import it. Empty where nothing is exported. Without
 * checksums a build writes zeros.
 */
export function symversText(merged: MergedDocument | undefined): string {
  const lines = (merged?.exports ?? []).map(({ symbol, module, gplOnly, namespace, crc = '0x00000000' }) =>
    [crc, symbol, module, `EXPORT_SYMBOL${gplOnly ? '_GPL' : ''}`, namespace].join('\t'),
  );
  return lines.map(line => `${line}\n`).join('');
}

/** @param long each section and each symbol too */
export function mergedText(merged: MergedDocument, long: boolean): string {
  const lines: string[] = [];
  for (const { name, size, sha256 } of merged.objects) {
    const parts = merged.sections.filter(s => s.object === name);
    const bytes = parts.reduce((n, p) => n + p.size, 0);
    lines.push(`merged ${name}: ${parts.length} sections, ${bytes} of ${size} bytes, SHA-256 ${sha256}`);
    if (long)
      for (const { section, offset, size: length, isNew } of parts)
        lines.push(`  ${section}+${hex(offset)}  ${length} bytes${isNew ? ', new section' : ''}`);
    for (const b of merged.bindings)
      if (b.object === name && (long || ['local', 'local of the image', 'new import'].includes(b.to)))
        lines.push(`  ${b.name} is ${MEANING[b.to]}${b.place === undefined ? '' : `, ${b.place}`}`);
    for (const e of merged.exports ?? [])
      if (e.object === name) {
        const terms = [
          ...(e.gplOnly ? ['GPL only'] : []),
          ...(e.namespace === '' ? [] : [`namespace ${e.namespace}`]),
          e.crc === undefined ? 'no checksum' : `checksum ${e.crc}`,
        ];
        lines.push(`  exports ${e.symbol}: ${terms.join(', ')}`);
      }
    for (const r of merged.renamed) if (r.object === name) lines.push(`  local ${r.from} is called ${r.to}`);
    for (const l of merged.leftOut) if (l.object === name && long) lines.push(`  ${l.section} left out: ${l.why}`);
  }
  if (long) lines.push(`  symbols added: ${merged.symbols.join(', ')}`);
  return lines.join('\n');
}

const MEANING: Readonly<Record<Binding['to'], string>> = {
  module: "the module's",
  local: "the module's local symbol",
  object: "another merged object's",
  import: 'an import that the module has',
  'new import': 'a new import',
  nothing: 'weak and may stay zero',
  image: "the image's",
  'local of the image': "the image's local symbol",
};
