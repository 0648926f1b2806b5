/**
 * A patch of a linked kernel image as data. Nothing in it is left to be linked: every word is final, as far as the image's own
 * dynamic relocations are applied to it, and every address is the one that the image was linked for.
 *
 * Section indices and offsets are those of the input, which keeps all that it has in its place.
 */
import type { SectionIndex } from '../util/indexes.ts';
import type { BoundTo, MergedObject } from './merge.ts';
import type { PlannedAction, RestPlace, Unproved, WordChange } from './plan.ts';

/** What free room of an image is good for. `code`: executable and read-only; `constants`: read-only; `data`: writable. */
export type RoomKind = 'code' | 'constants' | 'data';

/** A record of the tracer's table that the kernel passes over from now on. */
export interface DroppedImageRecord {
  /** Bytes from `__start_mcount_loc`. */
  readonly offset: number;
  /** What the record named. */
  readonly before: bigint;
  /**
   * What it has now. Zero, without a relocation, where the kernel takes records as they are; else the start of its exit code,
   * which it knows not to trace.
   */
  readonly after: bigint;
}

/** New contents in a gap between the image's sections: a section of its own. */
export interface ImagePart {
  readonly name: string;
  readonly kind: RoomKind;
  readonly address: bigint;
  /** Bytes from the start of the file. */
  readonly fileOffset: number;
  readonly alignment: number;
  /** Whole words; what dynamic relocations fill is zero. */
  readonly bytes: Uint8Array;
  /** The file has no bytes there: they are put behind those of the segment, and what lies behind them moves in the file. */
  readonly isInserted?: boolean;
}

export interface ImageSymbol {
  readonly name: string;
  readonly binding: number;
  readonly type: number;
  readonly st_other: number;
  /** Number in `parts`. */
  readonly part: number;
  readonly address: bigint;
  readonly size: number;
}

/** An R_PPC64_RELATIVE: the kernel stores `value`, moved as it was itself, at `place`. */
export interface ImageRelative {
  readonly place: bigint;
  readonly value: bigint;
}

/** A section of an object and the place that it gets. */
export interface ImagePiece {
  /** Number in `merged`. */
  readonly object: number;
  /** In the object. */
  readonly section: SectionIndex;
  readonly name: string;
  readonly part: number;
  /** Bytes from the start of the part. */
  readonly offset: number;
  readonly size: number;
}

/** What an undefined symbol of an object is bound to. */
export interface ImageBinding {
  readonly object: number;
  /** As the object writes it. */
  readonly name: string;
  readonly to: Extract<BoundTo, 'image' | 'local of the image' | 'object'>;
  /** The symbol's value. */
  readonly address: bigint;
}

/** A table of the kernel with more rows: whoever searches it gets these ends. */
export interface GrownTable {
  readonly kind: 'exceptions' | 'bugs';
  /** Number in `parts`: the rows that are added behind the old ones, or the whole table in another place. */
  readonly part: number;
  /** How many are added. */
  readonly rows: number;
  readonly start: bigint;
  readonly stop: bigint;
}

/** A relocation of a merged trampoline that names the rest of a redirected function. */
export interface ImageRest extends Omit<RestPlace, 'section'> {
  /** Number in `merged`. */
  readonly object: number;
  /** In the object. */
  readonly section: SectionIndex;
  /** What stands there for the rest. */
  readonly address: bigint;
  /** From `address` to where those enter who share the TOC. */
  readonly local: number;
}

export interface ImagePlan {
  readonly schema: 'tocsin.image-plan/1';
  readonly actions: readonly PlannedAction[];
  /** Of sections of the input, its dynamic section and relocations among them. Ascending by section, then offset. */
  readonly words: readonly WordChange[];
  readonly records: readonly DroppedImageRecord[];
  readonly parts: readonly ImagePart[];
  readonly symbols: readonly ImageSymbol[];
  /** Entries that are added behind the last one of `.rela.dyn`. */
  readonly relatives: readonly ImageRelative[];
  /** Objects that become part of the image. */
  readonly merged: readonly MergedObject[];
  readonly pieces: readonly ImagePiece[];
  readonly bindings: readonly ImageBinding[];
  readonly rests: readonly ImageRest[];
  readonly tables: readonly GrownTable[];
  readonly warnings: readonly string[];
  /** What the user was told is not proved, and wants all the same. */
  readonly unproved?: readonly Unproved[];
}

/** What merged objects add to an image. */
export type ImageAdditions = Pick<
  ImagePlan,
  'merged' | 'pieces' | 'bindings' | 'rests' | 'tables' | 'parts' | 'symbols' | 'relatives' | 'warnings'
>;
