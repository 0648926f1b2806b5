/**
 * `module_sig_check` (signing.c, module_signature.c): the first thing that is done with a module. It takes an appended
 * signature off, so that all later checks count only the bytes in front of it.
 *
 *     ELF file | PKCS#7 message | struct module_signature (12 bytes) | marker (28 bytes)
 *
 * A message that cannot be read, or a signature that a key of the kernel disproves, refuses the module even where signatures
 * are not enforced; a missing key, a missing signature and unknown algorithms then only taint the kernel. Keys that are not
 * built into the kernel (its secondary, machine and platform keyrings) are not known here: where they decide, the twin goes on
 * as the kernel does without the key, and says so.
 */
import type { ErrnoName, LoadState } from '../state.ts';
import { BadMessage } from './decoder.ts';
import { findKey, isGood, keysOf } from './keys.ts';
import { DATA, readMessage, type SignedMessage } from './message.ts';

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

/** What becomes of a signature; with a reason where it is not certain. */
interface Answer {
  readonly error: ErrnoName | 'none';
  readonly doubt?: string;
}

const REFUSED = 'a kernel that has the key refuses the module with EKEYREJECTED if its bytes were changed since';

export function moduleSigCheck(state: LoadState): void {
  const { options } = state.kernel;
  if (!options.moduleSig) return;
  const isEnforced = options.moduleSigForce || state.request.enforceSignatures === true;
  const isMangled = state.request.ignoreModversions === true || state.request.ignoreVermagic === true;
  const { error, doubt } = isMangled || !endsWithMarker(state) ? { error: 'ENODATA' as const } : verify(state);
  if (doubt !== undefined) state.unknown.push(doubt);
  if (error === 'none') {
    state.signed = true;
    return;
  }
  const reason = FORGIVEN[error];
  if (reason === undefined) state.refuse(error);
  if (!isEnforced) return;
  // Refusing every signed module of an enforcing kernel would be as wrong as calling the signature good.
  if (doubt !== undefined) state.signed = true;
  else state.refuse('EKEYREJECTED', `Loading of ${reason} is rejected`, 'notice');
}

function endsWithMarker(state: LoadState): boolean {
  const { bytes, length } = state;
  if (length <= MARKER.length) return false;
  for (let i = 0; i < MARKER.length; i++) if (bytes[length - MARKER.length + i] !== MARKER[i]) return false;
  return true;
}

/** `mod_verify_sig` and `mod_check_sig` */
function verify(state: LoadState): Answer {
  state.length -= MARKER.length;
  const { view, bytes, length } = state;
  if (length <= INFO_SIZE) return { error: 'EBADMSG' };
  const info = length - INFO_SIZE;
  const size = view.getUint32(info + 8, false);
  if (size >= info) return { error: 'EBADMSG' };
  if (bytes[info + 2] !== PKEY_ID_PKCS7) {
    state.print('err', 'module: not signed with expected PKCS#7 message');
    return { error: 'ENOPKG' };
  }
  if (ZERO_FIELDS.some(i => bytes[info + i] !== 0)) {
    state.print('err', 'module: PKCS#7 signature info has unexpected non-zero params');
    return { error: 'EBADMSG' };
  }
  state.length = info - size;
  try {
    const message = readMessage(state, bytes.subarray(state.length, info));
    return judge(state, message, bytes.subarray(0, state.length));
  } catch (error) {
    if (error instanceof BadMessage) return { error: error.errno };
    throw error;
  }
}

/** `verify_pkcs7_message_sig` */
function judge(state: LoadState, message: SignedMessage, data: Uint8Array): Answer {
  if (message.hasCertificates)
    return { error: 'ENOKEY', doubt: `the certificates that the signature carries were not read: ${REFUSED}` };
  if (message.hasData) {
    state.print('warning', 'PKCS7: Data already supplied');
    state.print('err', 'PKCS#7 signature with non-detached data');
    return { error: 'EBADMSG' };
  }
  const invalid = (what: string): Answer => {
    state.print('warning', `PKCS7: Invalid module sig (${what})`);
    return { error: 'EKEYREJECTED' };
  };
  if (message.contentType !== DATA) return invalid('not pkcs7-data');
  if (message.signers[0]!.hasAttributes) {
    // 7.x may have been built to take attributes beside signatures of this kind.
    if (message.signers.every(({ algorithm }) => algorithm.startsWith('mldsa')))
      return { error: 'ENOKEY', doubt: 'whether the kernel takes the attributes of the signature is not known' };
    return invalid('has authattrs');
  }
  return validateTrust(state, message, data);
}

/** `pkcs7_verify` (a message without certificates needs only its hash) and `pkcs7_validate_trust` */
function validateTrust(state: LoadState, { signers }: SignedMessage, data: Uint8Array): Answer {
  const { certificates } = state.kernel;
  if (state.request.verifySignature === false || certificates === undefined)
    return { error: 'ENOKEY', doubt: `the signature was not checked: ${REFUSED}` };
  const keys = keysOf(certificates);
  let isSigned = false;
  let doubt: string | undefined;
  for (const signer of signers) {
    const key = findKey(keys, signer.keyId);
    if (key === undefined) {
      doubt ??= `the key of the signature is not built into the kernel, which may have got it in another way: ${REFUSED}`;
      continue;
    }
    const good = hasHash(state, signer.hash) ? isGood(key, signer, data) : undefined;
    if (good === false) {
      state.remark({
        code: 'SIG303',
        level: 'error',
        message:
          'a key that is built into the kernel does not confirm the signature: the file was changed since it was signed',
      });
      return { error: 'EKEYREJECTED' };
    }
    if (good === undefined) doubt ??= `whether the kernel can check a signature with ${signer.hash} is not known`;
    else isSigned = true;
  }
  return { error: isSigned ? 'none' : 'ENOKEY', ...(doubt !== undefined && { doubt }) };
}

/** The built-in code of each hash, by what it is called in symbols. What is a module may be loaded for it, or not. */
const HASH_CODE: Readonly<Record<string, string>> = {
  sha1: 'sha1',
  sha224: 'sha256',
  sha384: 'sha512',
  sha512: 'sha512',
  'sha3-256': 'sha3',
  'sha3-384': 'sha3',
  'sha3-512': 'sha3',
};

function hasHash({ kernel }: LoadState, hash: string): boolean {
  // Looking a module's hash up in the blacklist needs this one.
  if (hash === 'sha256') return true;
  const code = HASH_CODE[hash];
  if (code === undefined) return false;
  return [`${code}_generic_mod_init`, `crypto_${code}_mod_init`].some(name => kernel.symbols.find(name).length > 0);
}
