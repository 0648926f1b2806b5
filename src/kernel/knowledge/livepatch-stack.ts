/**
 * The second stack that each task has in a kernel with CONFIG_LIVEPATCH. It grows up from the end of the task's own stack, and
 * `thread_info.livepatch_sp` is where it ends. `livepatch_handler` (arch/powerpc/kernel/trace/ftrace_mprofile.S in 6.1, ftrace_entry.S in 6.12
 * and 7.2) puts 24 bytes there for each call of a function that a livepatch has replaced: r2, the return address, STACK_END_MAGIC.
 *
 * Where `livepatch_sp` is follows from that code itself: it is what the kernel does, and its whole shape tells that entries are
 * what they are thought to be. A kernel whose handler looks different has no such stack as far as tocsin knows, unless the user
 * gives both offsets by name.
 */
import type { KernelImage } from './image.ts';
import type { LivepatchStack } from './model.ts';

const LOAD_THREAD_INFO = 0xe98d0000; // ld r12,threadInfo(r13)
const LOAD_SP = 0xe96c0000; // ld r11,sp(r12)
const STORE_SP = 0xf96c0000; // std r11,sp(r12)
const FIELDS: ReadonlySet<number> = new Set([LOAD_THREAD_INFO, LOAD_SP, STORE_SP]);
const DISPLACEMENT = 0xfffc;

const PUSH = [LOAD_THREAD_INFO, LOAD_SP, 0x396b0018, STORE_SP];
const MAGIC = [0x3d8057ac, 0x618c6e9d, 0xf98bfff8];
const TOC = [0xf84bffe8];
const LINK = [0x7d8802a6, 0xf98bfff0];
/** 6.1 and 6.12; 7.2; 7.2 with CONFIG_PPC_FTRACE_OUT_OF_LINE, where r0 holds the return address. */
const KEEP: readonly (readonly number[])[] = [
  [...TOC, ...LINK, ...MAGIC, 0x7d8902a6],
  [...MAGIC, ...TOC, ...LINK, 0x7d8902a6],
  [...MAGIC, ...TOC, 0xf80bfff0, 0x7d8802a6, 0x7d8903a6],
];
const CALL_AND_POP = [
  ...[0x4e800421, LOAD_THREAD_INFO, LOAD_SP, 0x3c4057ac, 0x60426e9d, 0xe98bfff8, 0x7f0c1088],
  ...[0xe98bfff0, 0x7d8803a6, 0xe84bffe8, LOAD_THREAD_INFO, 0x396bffe8, STORE_SP, 0x4e800020],
];

/** @param given offsets by the names that the kernel has for them, bytes */
export function livepatchStack(
  image: Pick<KernelImage, 'address' | 'bytesAt'> | undefined,
  given: ReadonlyMap<string, number>,
): LivepatchStack | undefined {
  const found = image === undefined ? undefined : fromHandler(image);
  if (found !== undefined) return found;
  const threadInfo = given.get('paca_struct.__current');
  const sp = given.get('thread_info.livepatch_sp');
  if (threadInfo === undefined || sp === undefined || !isOffset(threadInfo) || !isOffset(sp)) return undefined;
  return { threadInfo, sp, source: 'given' };
}

function fromHandler(image: Pick<KernelImage, 'address' | 'bytesAt'>): LivepatchStack | undefined {
  const address = image.address('livepatch_handler');
  if (address === undefined) return undefined;
  for (const keep of KEEP) {
    const shape = [...PUSH, ...keep, ...CALL_AND_POP];
    const bytes = image.bytesAt(address, shape.length * 4);
    if (bytes === undefined) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const offsets = new Map<number, Set<number>>();
    const fits = shape.every((wanted, i) => {
      const word = view.getUint32(i * 4, true);
      if (!FIELDS.has(wanted)) return word === wanted;
      const field = wanted === LOAD_THREAD_INFO ? LOAD_THREAD_INFO : LOAD_SP;
      offsets.set(field, (offsets.get(field) ?? new Set()).add(word & DISPLACEMENT));
      return (word & ~DISPLACEMENT) >>> 0 === wanted;
    });
    const [threadInfo, ...others] = offsets.get(LOAD_THREAD_INFO) ?? [];
    const [sp, ...more] = offsets.get(LOAD_SP) ?? [];
    if (!fits || threadInfo === undefined || sp === undefined || others.length + more.length > 0) continue;
    if (isOffset(threadInfo) && isOffset(sp)) return { threadInfo, sp, source: 'handler' };
  }
  return undefined;
}

/** What a DS-form displacement holds, and above zero. */
function isOffset(value: number): boolean {
  return value >= 0 && value < 0x8000 && value % 8 === 0;
}
