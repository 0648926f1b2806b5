// What attempt.c reports of each module, read back.

export interface KernelLine {
  /** 0 (emergency) to 7 (debug), as printk has it. */
  readonly priority: number;
  /** One record; further lines of it after line feeds. What is not printable is `\xNN`. */
  readonly text: string;
}

export interface Answer {
  /** Position in the list of attempts. */
  readonly index: number;
  readonly name: string;
  /** What finit_module(2) gave, 0 where the module was loaded; `undefined` where the machine went down meanwhile. */
  readonly errno: number | undefined;
  readonly microseconds: number;
  readonly log: readonly KernelLine[];
  /** Bases of the memory areas, and of the per-cpu part, by name; empty where the loader did not come to relocations. */
  readonly placement: ReadonlyMap<string, bigint>;
  /** From /sys/module/NAME/sections. */
  readonly sections: ReadonlyMap<string, bigint>;
  /** What delete_module(2) gave, where the module was to be unloaded. */
  readonly unload?: number;
  readonly unloadLog: readonly KernelLine[];
  /** The kernel warned of itself meanwhile. */
  readonly troubled: boolean;
}

interface Draft {
  index: number;
  name: string;
  errno: number | undefined;
  microseconds: number;
  log: { priority: number; text: string }[];
  placement: Map<string, bigint>;
  sections: Map<string, bigint>;
  unload?: number;
  unloadLog: { priority: number; text: string }[];
  troubled: boolean;
}

/** Reads what attempt.c writes. */
export function parseReport(text: string): readonly Answer[] {
  const answers: Draft[] = [];
  let last: { priority: number; text: string } | undefined;
  for (const line of text.split('\n')) {
    const answer = answers.at(-1)!;
    const [, tag, rest] = /^@(\w+) ?(.*)$/.exec(line) ?? [];
    if (tag === 'try') {
      const [index, name] = rest!.split(' ');
      answers.push({
        index: Number(index),
        name: name!,
        errno: undefined,
        microseconds: 0,
        log: [],
        placement: new Map(),
        sections: new Map(),
        unloadLog: [],
        troubled: false,
      });
    } else if (tag === 'log' || tag === 'bye') {
      const at = rest!.indexOf(' ');
      last = { priority: Number(rest!.slice(0, at)), text: rest!.slice(at + 1) };
      (tag === 'log' ? answer.log : answer.unloadLog).push(last);
    } else if (tag === 'more') last!.text += `\n${rest}`;
    else if (tag === 'done') {
      const [, errno, microseconds] = rest!.split(' ');
      answer.errno = Number(errno);
      answer.microseconds = Number(microseconds);
    } else if (tag === 'place') {
      for (const [, kind, address] of rest!.matchAll(/ (\w+)=([0-9a-f]+)/g))
        answer.placement.set(kind!, BigInt(`0x${address}`));
    } else if (tag === 'section') {
      const at = rest!.lastIndexOf(' ');
      answer.sections.set(rest!.slice(0, at), BigInt(rest!.slice(at + 1)));
    } else if (tag === 'unload') answer.unload = Number(rest);
    else if (tag === 'warned') answer.troubled = true;
  }
  return answers;
}
