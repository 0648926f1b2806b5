/**
 * The signature that `scripts/sign-file` appends to a module, behind everything that the ELF headers describe:
 *
 *     ELF file | PKCS#7 message | struct module_signature (12 bytes) | "~Module signature appended~\n"
 *
 * The kernel looks at the last 28 bytes, then at the 12 before them (`mod_check_sig`), and verifies the message over all
 * that comes before it. So the ELF part ends where the message begins, and a file whose ELF part changed has no use for
 * the rest.
 */
import { hex } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { FileOffset } from '../util/indexes.ts';

const MARKER = new TextEncoder().encode('~Module signature appended~\n');
/** Bytes of `struct module_signature`. */
const INFO_SIZE = 12;
/** `PKEY_ID_PKCS7`, the only kind that the kernel takes since 4.3. */
const PKCS7 = 2;

export interface ModuleSignature {
  /** Where the ELF part ends and the PKCS#7 message begins. */
  readonly start: FileOffset;
  /** Bytes of the PKCS#7 message. */
  readonly length: number;
}

/**
 * The signature at the end of `file`, if there is one.
 *
 * @throws InputError SIG001 where its length does not fit the file, SIG002 where it is of a kind that the kernel refuses
 */
export function moduleSignature(file: Uint8Array): ModuleSignature | undefined {
  const end = file.length - MARKER.length;
  if (end < 0) return undefined;
  for (let i = 0; i < MARKER.length; i++) if (file[end + i] !== MARKER[i]) return undefined;
  const info = end - INFO_SIZE;
  if (info < 0) throw badLength(file.length, 'no room for the 12 bytes that describe it');
  const view = new DataView(file.buffer, file.byteOffset + info, INFO_SIZE);
  // sig_len is the one big-endian field of a ppc64le module.
  const length = view.getUint32(8, false);
  if (length === 0 || length >= info) throw badLength(file.length, `a length of ${hex(length)}`);
  checkKind(view, info);
  return { start: info - length, length };
}

/** What goes behind the ELF part for a PKCS#7 message: the message, what describes it, the marker. */
export function appendedSignature(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(message.length + INFO_SIZE + MARKER.length);
  bytes.set(message);
  bytes[message.length + 2] = PKCS7;
  new DataView(bytes.buffer).setUint32(message.length + 8, message.length, false);
  bytes.set(MARKER, message.length + INFO_SIZE);
  return bytes;
}

/** `mod_check_sig` wants every field but the kind and the length to be zero. */
function checkKind(view: DataView, info: number): void {
  const others = [0, 1, 3, 4, 5, 6, 7].find(i => view.getUint8(i) !== 0);
  if (view.getUint8(2) === PKCS7 && others === undefined) return;
  throw new InputError({
    code: 'SIG002',
    message: 'the signature at the end of the file is of a kind that the kernel refuses',
    offset: info,
    expected: `id_type ${PKCS7} (PKCS#7) and zeros around it`,
    found: others === undefined ? `id_type ${view.getUint8(2)}` : `${view.getUint8(others)} in byte ${others}`,
    remedy: 'take the signature off (strip --strip-unneeded does) or sign the module again',
  });
}

function badLength(size: number, found: string): InputError {
  return new InputError({
    code: 'SIG001',
    message: 'the file ends as a signed module does, but the signature does not fit into it',
    expected: `a signature shorter than the file's ${hex(size)} bytes`,
    found,
    remedy: 'the file is damaged: build or copy it again',
  });
}
