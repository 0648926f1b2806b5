/**
 * `module_sig_check` (signing.c, module_signature.c): the first thing that is done with a module. It takes an appended
 * signature off, so that all later checks count only the bytes in front of it.
 *
 *     ELF file | PKCS#7 message | struct module_signature (12 bytes) | marker (28 bytes)
 *
 * Whether the message is a good signature by a key of the kernel's keyrings cannot be known without that kernel's keys: the
 * twin goes on as the kernel does where it lacks the key, and says so.
 */
import type { ErrnoName, LoadState } from './state.ts';

const MARKER = Uint8Array.from('~Module signature appended~\n', c => c.charCodeAt(0));
/** Bytes of `struct module_signature`. */
const INFO_SIZE = 12;
const PKEY_ID_PKCS7 = 2;
/** Fields that have to be zero: algo, hash, signer_len, key_id_len and the padding. */
const ZERO_FIELDS = [0, 1, 3, 4, 5, 6, 7];

/** Errors that the kernel forgives where it does not enforce signatures, by what it calls the module then. */
const FORGIVEN: Partial<Record<ErrnoName, string>> = {
  ENODATA: 'unsigned module',
  ENOPKG: 'module with unsupported crypto',
  ENOKEY: 'module with unavailable key',
};

export function moduleSigCheck(state: LoadState): void {
  const { options } = state.kernel;
  if (!options.moduleSig) return;
  const isEnforced = options.moduleSigForce || state.request.enforceSignatures === true;
  const isMangled = state.request.ignoreModversions === true || state.request.ignoreVermagic === true;
  const error = isMangled || !endsWithMarker(state) ? 'ENODATA' : verify(state);
  const reason = FORGIVEN[error];
  if (reason === undefined) state.refuse(error);
  if (error === 'ENOKEY') {
    // Refusing every signed module of an enforcing kernel would be as wrong as calling the signature good.
    state.unknown.push(
      isEnforced
        ? 'the kernel takes only modules signed with one of its keys, and whether this one is was not checked'
        : 'the signature was not checked: made with a key of the kernel, but over other bytes, it is refused (EKEYREJECTED)',
    );
    if (isEnforced) state.signed = true;
    return;
  }
  if (isEnforced) state.refuse('EKEYREJECTED', `Loading of ${reason} is rejected`, 'notice');
}

function endsWithMarker(state: LoadState): boolean {
  const { bytes, length } = state;
  if (length <= MARKER.length) return false;
  for (let i = 0; i < MARKER.length; i++) if (bytes[length - MARKER.length + i] !== MARKER[i]) return false;
  return true;
}

/** `mod_verify_sig` and `mod_check_sig`, as far as they need no key: what is left is ENOKEY. */
function verify(state: LoadState): ErrnoName {
  state.length -= MARKER.length;
  const { view, bytes, length } = state;
  if (length <= INFO_SIZE) return 'EBADMSG';
  const info = length - INFO_SIZE;
  const size = view.getUint32(info + 8, false);
  if (size >= info) return 'EBADMSG';
  if (bytes[info + 2] !== PKEY_ID_PKCS7) {
    state.print('err', 'module: not signed with expected PKCS#7 message');
    return 'ENOPKG';
  }
  if (ZERO_FIELDS.some(i => bytes[info + i] !== 0)) {
    state.print('err', 'module: PKCS#7 signature info has unexpected non-zero params');
    return 'EBADMSG';
  }
  state.length = info - size;
  return isSequence(bytes.subarray(state.length, info)) ? 'ENOKEY' : 'EBADMSG';
}

/** The header of the object identifier that begins a PKCS#7 message: what follows the outermost SEQUENCE's own header. */
const OBJECT_IDENTIFIER = 6;

/** Whether `message` is a DER SEQUENCE that lies inside it and begins with an identifier, as every PKCS#7 message does. */
function isSequence(message: Uint8Array): boolean {
  const first = message[1];
  if (message[0] !== 0x30 || first === undefined) return false;
  const count = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || count > 4 || message.length < 2 + count) return false;
  let size = count === 0 ? first : 0;
  for (let i = 0; i < count; i++) size = size * 256 + message[2 + i]!;
  return size > 0 && 2 + count + size <= message.length && message[2 + count] === OBJECT_IDENTIFIER;
}
