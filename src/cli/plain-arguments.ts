/** The plainest command lines, read without yargs; see quick.ts. */

/** What a plain command line of one command may hold. */
export interface Shape {
  readonly flags: readonly string[];
  /** Options with a value: the values that are allowed, or `null` for any. */
  readonly values: Readonly<Record<string, readonly string[] | null>>;
  /** Options that may come several times. */
  readonly lists: readonly string[];
}

interface Plain {
  readonly files: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  list(name: string): readonly string[];
}

/** Words that yargs does not take as they stand: values of flags, its own `help`, quotes that it takes off. */
const NOT_PLAIN = /^(?:|true|false|help|["']|(["']).*\1)$/s;

/** The command line behind the command's name, if it is a plain one. */
export function readPlain(args: readonly string[], shape: Shape): Plain | undefined {
  const files: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (let i = 1; i < args.length; i++) {
    const arg = args[i]!;
    if (NOT_PLAIN.test(arg)) return undefined;
    if (!arg.startsWith('-')) files.push(arg);
    else if (shape.flags.includes(arg)) {
      if (flags.has(arg)) return undefined;
      flags.add(arg);
    } else {
      const value = args[++i];
      if (value === undefined || NOT_PLAIN.test(value) || value.startsWith('-')) return undefined;
      if (shape.lists.includes(arg)) lists.set(arg, [...(lists.get(arg) ?? []), value]);
      else {
        const allowed = shape.values[arg];
        if (allowed === undefined || values.has(arg) || (allowed !== null && !allowed.includes(value)))
          return undefined;
        values.set(arg, value);
      }
    }
  }
  return { files, flags, values, list: name => lists.get(name) ?? [] };
}
