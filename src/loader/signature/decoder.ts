/**
 * The kernel's decoder of BER (lib/asn1_decoder.c): takes the steps of a grammar one after the other, with its limits and its
 * leniency. A rule is left by falling into the next where it has no `return`.
 */
import type { ErrnoName } from '../state.ts';
import { type Action, RULES, type Step } from './grammar.ts';

/** An element that an action is about; bytes of the message. */
export interface Element {
  readonly tag: number;
  /** Bytes of tag and length in front of the value. */
  readonly header: number;
  readonly start: number;
  readonly length: number;
}

/** Ends the decoding with an error of the kernel. */
export class BadMessage {
  readonly errno: ErrnoName;

  constructor(errno: ErrnoName) {
    this.errno = errno;
  }
}

const CONSTRUCTED = 0x20;
const LONG_TAG = 0x1f;
const INDEFINITE = 0x80;
/** Elements in one another, and rules gone to from one another. */
const DEPTH = 10;
const LONGEST = 65_535;

const STEPS: readonly Step[] = RULES.flatMap(([, steps]) => steps);
const STARTS = new Map<string, number>();
for (const [i, [name]] of RULES.entries())
  STARTS.set(
    name,
    RULES.slice(0, i).reduce((sum, [, steps]) => sum + steps.length, 0),
  );

interface Open {
  readonly start: number;
  readonly header: number;
  /** Where the element around it ends; `undefined` for an element that says not how long it is. */
  readonly outerEnd: number | undefined;
}

/** @throws BadMessage, and what `act` throws */
export function decode(message: Uint8Array, act: (action: Action, element: Element) => void): void {
  if (message.length > LONGEST) throw new BadMessage('EMSGSIZE');
  new Decoder(message, act).run();
}

const bad = (): never => {
  throw new BadMessage('EBADMSG');
};

class Decoder {
  readonly #message: Uint8Array;
  readonly #act: (action: Action, element: Element) => void;
  readonly #open: Open[] = [];
  readonly #returns: number[] = [];
  #at = 0;
  #end: number;
  #step = 0;
  /** Of the last element that was looked at. */
  #tag = 0;
  #header = 0;
  #start = 0;
  #length = 0;
  #matched = false;
  #lastMatched = false;

  constructor(message: Uint8Array, act: (action: Action, element: Element) => void) {
    this.#message = message;
    this.#act = act;
    this.#end = message.length;
  }

  run(): void {
    for (;;) {
      const step = STEPS[this.#step]!;
      switch (step.kind) {
        case 'match':
          this.#match(step);
          break;
        case 'maybe':
          if (this.#lastMatched) this.#tell(step.action);
          this.#step++;
          break;
        case 'act':
          this.#tell(step.action);
          this.#step++;
          break;
        case 'one of':
          if (!this.#matched) bad();
          this.#step++;
          break;
        case 'end':
          this.#close(step);
          break;
        case 'return':
          this.#step = this.#returns.pop() ?? bad();
          this.#matched = this.#lastMatched = true;
          break;
        case 'complete':
          if (this.#returns.length > 0 || this.#open.length > 0) bad();
          return;
      }
    }
  }

  #tell(action: Action): void {
    this.#act(action, { tag: this.#tag, header: this.#header, start: this.#start, length: this.#length });
  }

  #match(step: Extract<Step, { kind: 'match' }>): void {
    if ((step.otherwise === true && this.#matched) || (step.skip === true && this.#at === this.#end)) {
      this.#lastMatched = false;
      this.#step++;
      return;
    }
    this.#matched = this.#lastMatched = false;
    if (this.#end - this.#at < 2) bad();
    const tag = this.#message[this.#at]!;
    if ((tag & LONG_TAG) === LONG_TAG) bad();
    this.#header = 2;
    this.#tag = tag;
    // A tag without CONSTRUCTED stands for both forms.
    if (step.tag !== undefined && ((step.tag ^ tag) & ~(step.tag & CONSTRUCTED)) !== 0) {
      if (step.skip !== true) bad();
      this.#step++;
      return;
    }
    this.#at++;
    this.#matched = true;
    const isIndefinite = this.#readLength();
    this.#start = this.#at;
    if (step.tag !== undefined && (step.tag & CONSTRUCTED) !== 0) this.#enter(isIndefinite);
    else if (isIndefinite) this.#length = this.#indefiniteLength();
    if (step.to !== undefined) {
      if (this.#returns.length === DEPTH) bad();
      this.#returns.push(this.#step + 1);
      this.#step = STARTS.get(step.to)!;
      return;
    }
    if (step.action !== undefined) this.#tell(step.action);
    if (step.tag === undefined || (step.tag & CONSTRUCTED) === 0) this.#at += this.#length;
    this.#step++;
  }

  /** @returns whether the element says not how long it is */
  #readLength(): boolean {
    const first = this.#message[this.#at++]!;
    this.#length = first;
    if (first === INDEFINITE) {
      if ((this.#tag & CONSTRUCTED) === 0 || this.#end - this.#at < 2) bad();
      return true;
    }
    if (first > INDEFINITE) {
      const count = first - INDEFINITE;
      if (count > 2 || count > this.#end - this.#at) bad();
      this.#header += count;
      this.#length = 0;
      for (let i = 0; i < count; i++) this.#length = this.#length * 256 + this.#message[this.#at++]!;
    }
    if (this.#length > this.#end - this.#at) bad();
    return false;
  }

  #enter(isIndefinite: boolean): void {
    if (this.#open.length >= DEPTH) bad();
    this.#open.push({
      start: this.#at,
      header: this.#header,
      outerEnd: isIndefinite || this.#end === 0 ? undefined : this.#end,
    });
    if (!isIndefinite) this.#end = this.#at + this.#length;
  }

  #close(step: Extract<Step, { kind: 'end' }>): void {
    const open = this.#open.pop() ?? bad();
    const again = () => {
      this.#open.push(open);
      this.#step = STARTS.get(step.again!)!;
    };
    this.#start = open.start;
    this.#header = open.header;
    if (open.outerEnd === undefined) {
      if (this.#end - this.#at < 2) bad();
      if (this.#message[this.#at] !== 0) {
        if (step.again === undefined) bad();
        again();
        return;
      }
      if (this.#message[this.#at + 1] !== 0) bad();
      this.#at += 2;
      this.#length = this.#at - open.start - 2;
    } else {
      if (this.#at < this.#end && step.again !== undefined) {
        again();
        return;
      }
      if (this.#at !== this.#end) bad();
      this.#length = this.#end - open.start;
      this.#end = open.outerEnd;
    }
    if (step.action !== undefined) {
      this.#tag = 0;
      this.#tell(step.action);
    }
    this.#step++;
  }

  /** Bytes of an element up to its end mark, with it. */
  #indefiniteLength(): number {
    const message = this.#message;
    const start = this.#at;
    let at = start;
    for (let level = 1; ; ) {
      if (this.#end - at < 2) bad();
      const tag = message[at++]!;
      if (tag === 0) {
        if (message[at++] !== 0) bad();
        if (--level <= 0) return at - start;
        continue;
      }
      if ((tag & LONG_TAG) === LONG_TAG) {
        let more: number;
        do {
          if (this.#end - at < 2) bad();
          more = message[at++]!;
        } while ((more & 0x80) !== 0);
      }
      let length = message[at++]!;
      if (length === INDEFINITE) {
        if ((tag & CONSTRUCTED) === 0) bad();
        level++;
        continue;
      }
      if (length > INDEFINITE) {
        const count = length - INDEFINITE;
        if (count > 7 || count > this.#end - at) bad();
        length = 0;
        for (let i = 0; i < count; i++) length = length * 256 + message[at++]!;
      }
      if (length > this.#end - at) bad();
      at += length;
    }
  }
}
