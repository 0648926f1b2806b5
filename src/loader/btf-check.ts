/**
 * `btf_module_notify` (kernel/bpf/btf.c) when a module is coming: its type information is checked against the kernel's, and
 * where that fails the module is refused, or with CONFIG_MODULE_ALLOW_BTF_MISMATCH only a warning printed. The twin checks the
 * header and where the parts lie; the types themselves it does not: no stock module is refused for them.
 *
 *     header: magic (2), version (1), flags (1), length of the header (4), then offset and length (4 each) of the types, of the
 *     strings, and from 7.0 on of the layout; offsets count from the end of the header
 */
import { findAny } from './find-section.ts';
import { knownName } from './section-names.ts';
import { ERRNO, type ErrnoName, type LoadState } from './state.ts';

const BTF = knownName('.BTF');
const BTF_BASE = knownName('.BTF.base');
const MAGIC = 0xeb9f;
/** Bytes of the header up to the strings. */
const SHORT_HEADER = 24;

interface Wrong {
  readonly errno: ErrnoName;
  readonly text: string;
}

const invalid = (text: string): Wrong => ({ errno: 'EINVAL', text });

export function checkTypes(state: LoadState): void {
  const { options } = state.kernel;
  if (!options.btfModules) return;
  const data = findAny(state, BTF);
  if (data === 0 || state.headers.size[data] === 0) return;
  const base = findAny(state, BTF_BASE);
  const wrong = (base === 0 ? undefined : checkHeader(state, base, false)) ?? checkHeader(state, data, true);
  if (wrong === undefined) return;
  state.print('err', `BPF: ${wrong.text}`);
  if (!options.allowBtfMismatch)
    state.refuse(wrong.errno, `failed to validate module [${state.name}] BTF: -${ERRNO[wrong.errno]}`, 'warning');
  if (state.taint('btf notice'))
    state.print('warning', 'Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules');
}

/** `btf_parse_hdr`, `btf_check_sec_info`, `btf_parse_str_sec` */
function checkHeader(state: LoadState, section: number, isSplit: boolean): Wrong | undefined {
  const start = state.headers.offset[section]!;
  const bytes = state.request.bytes.subarray(start, start + state.headers.size[section]!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { length } = bytes;
  const fullHeader = state.rules.btfLayout ? SHORT_HEADER + 8 : SHORT_HEADER;
  if (length < 8) return invalid('hdr_len not found');
  const headerLength = view.getUint32(4, true);
  if (length < headerLength) return invalid('btf_header not found');
  for (let i = fullHeader; i < headerLength; i++)
    if (bytes[i] !== 0) return { errno: 'E2BIG', text: 'Unsupported btf_header' };
  const header = new DataView(new ArrayBuffer(fullHeader));
  for (let i = 0; i < Math.min(headerLength, fullHeader); i++) header.setUint8(i, bytes[i]!);
  if (header.getUint16(0, true) !== MAGIC) return invalid('Invalid magic');
  if (header.getUint8(2) !== 1) return { errno: 'ENOTSUPP', text: 'Unsupported version' };
  if (header.getUint8(3) !== 0) return { errno: 'ENOTSUPP', text: 'Unsupported flags' };
  if (!isSplit && length === headerLength) return invalid('No data');
  const hasLayout = headerLength >= fullHeader && fullHeader > SHORT_HEADER && header.getUint32(28, true) !== 0;
  const wrong = checkParts(header, length - headerLength, hasLayout ? 3 : 2);
  return (
    wrong ??
    checkStrings(header, bytes, headerLength, isSplit, headerLength < fullHeader || fullHeader === SHORT_HEADER)
  );
}

/** The parts follow one another without gap or overlap and fill all of `room` bytes. */
function checkParts(header: DataView, room: number, count: number): Wrong | undefined {
  const parts = Array.from({ length: count }, (_, i) => ({
    offset: header.getUint32(8 + 8 * i, true),
    length: header.getUint32(12 + 8 * i, true),
  }));
  parts.sort((a, b) => a.offset - b.offset || a.length - b.length);
  let total = 0;
  for (const { offset, length } of parts) {
    if (room < offset) return invalid('Invalid section offset');
    if (total < offset) return invalid('Unsupported section found');
    if (total > offset) return invalid('Section overlap found');
    if (room - total < length) return invalid('Total section length too long');
    total += length;
  }
  return total === room ? undefined : invalid('Unsupported section found');
}

function checkStrings(
  header: DataView,
  bytes: Uint8Array,
  headerLength: number,
  isSplit: boolean,
  mustBeLast: boolean,
): Wrong | undefined {
  const start = headerLength + header.getUint32(16, true);
  const length = header.getUint32(20, true);
  if (mustBeLast && start + length !== bytes.length) return invalid('String section is not at the end');
  if (isSplit && length === 0) return undefined;
  const isBad = length === 0 || bytes[start + length - 1] !== 0 || (!isSplit && bytes[start] !== 0);
  return isBad ? invalid('Invalid string section') : undefined;
}
