/** The `#` comments of a plan: none is lost, each belongs to an entry, or else to its module, or else to the plan. */
import { type Document, isCollection, isMap, isNode, isPair, isSeq } from 'yaml';

/** Keys of a plan, and of a module in it, under which lists of entries stand. */
export const ENTRY_LISTS = ['symvers', 'loaded', 'with', 'nop', 'redirect', 'hook', 'retarget', 'epilogue'] as const;

const MODULES = 'modules';

/** What stands in front of, in and behind an item of a list. What stands in front of the first one belongs to the list, as YAML reads it. */
export function commentOfItem(
  document: Document,
  list: readonly (string | number)[],
  item: number,
): string | undefined {
  const node = document.getIn(list, true);
  if (!isSeq(node)) return undefined;
  return joined([...(item === 0 ? [node.commentBefore] : []), ...commentsIn(node.items[item], new Set())]);
}

/** What no entry has, of the whole plan or of one of its modules. */
export function commentOfRest(document: Document, module?: number): string | undefined {
  const modules = document.getIn([MODULES], true);
  if (module === undefined)
    return joined([
      document.commentBefore,
      ...commentsIn(document.contents, listsOf(document.contents)),
      document.comment,
    ]);
  if (!isSeq(modules)) return undefined;
  const node = modules.items[module];
  return joined([...(module === 0 ? [modules.commentBefore] : []), ...commentsIn(node, listsOf(node))]);
}

/** Lists whose items have the comments. */
function listsOf(node: unknown): ReadonlySet<unknown> {
  if (!isMap(node)) return new Set();
  const lists = [...ENTRY_LISTS, MODULES].map(name => node.get(name, true));
  return new Set(lists.filter(list => isSeq(list) && list.items.length > 0));
}

/** @param apart lists of which only what stands behind the last item is wanted */
function* commentsIn(node: unknown, apart: ReadonlySet<unknown>): Generator<string | null | undefined> {
  if (isPair(node)) {
    yield* commentsIn(node.key, apart);
    yield* commentsIn(node.value, apart);
  } else if (isNode(node)) {
    if (!apart.has(node)) {
      yield node.commentBefore;
      if (isCollection(node)) for (const item of node.items) yield* commentsIn(item, apart);
    }
    yield node.comment;
  }
}

function joined(parts: readonly (string | null | undefined)[]): string | undefined {
  const text = parts
    .flatMap(part => part?.split('\n') ?? [])
    .map(line => line.trim())
    .filter(line => line !== '')
    .join(' ');
  return text === '' ? undefined : text;
}
