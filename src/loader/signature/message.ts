/**
 * What the kernel takes from a PKCS#7 message (crypto/asymmetric_keys/pkcs7_parser.c), and what it refuses in it, with its
 * messages.
 */
import type { ErrnoName, LoadState } from '../state.ts';
import { BadMessage, decode, type Element } from './decoder.ts';
import { type Action, OCTET_STRING, SEQUENCE } from './grammar.ts';
import { type Identifier, identifiersOf, printed } from './identifiers.ts';

/** One who signed. */
export interface Signer {
  /** As the kernel's crypto calls it: `sha256`. */
  readonly hash: string;
  /** `rsa`, `ecdsa`, ... */
  readonly algorithm: string;
  /** Names the key: its certificate's serial number and issuer, or its own identifier. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
  readonly hasAttributes: boolean;
}

export interface SignedMessage {
  readonly signers: readonly Signer[];
  /** Of what is signed. */
  readonly contentType: string;
  /** It holds what is signed. */
  readonly hasData: boolean;
  /** It holds certificates, which the kernel reads; they were not looked at. */
  readonly hasCertificates: boolean;
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
export const DATA = '1.2.840.113549.1.7.1';
const MS_DATA = '1.3.6.1.4.1.311.2.1.4';

/** By identifier: the name of the hash; `-` before what 6.12 has no more. Newer identifiers older kernels do not know at all. */
const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.4': '-md4',
  '1.2.840.113549.2.5': '-md5',
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '1.2.156.10197.1.401': 'sm3',
  '1.2.643.7.1.1.2.2': 'streebog256',
  '1.2.643.7.1.1.2.3': 'streebog512',
  '2.16.840.1.101.3.4.2.8': 'sha3-256',
  '2.16.840.1.101.3.4.2.9': 'sha3-384',
  '2.16.840.1.101.3.4.2.10': 'sha3-512',
};

const ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.1': 'rsa',
  '1.2.840.10045.4.1': 'ecdsa',
  '1.2.840.10045.4.3.1': 'ecdsa',
  '1.2.840.10045.4.3.2': 'ecdsa',
  '1.2.840.10045.4.3.3': 'ecdsa',
  '1.2.840.10045.4.3.4': 'ecdsa',
  '2.16.840.1.101.3.4.3.10': 'ecdsa',
  '2.16.840.1.101.3.4.3.11': 'ecdsa',
  '2.16.840.1.101.3.4.3.12': 'ecdsa',
  '1.2.156.10197.1.501': '-sm2',
  '1.2.643.7.1.1.1.1': 'ecrdsa',
  '1.2.643.7.1.1.1.2': 'ecrdsa',
  '2.16.840.1.101.3.4.3.17': 'mldsa44',
  '2.16.840.1.101.3.4.3.18': 'mldsa65',
  '2.16.840.1.101.3.4.3.19': 'mldsa87',
};

/** Authenticated attributes that the kernel looks at; `ms`: only with a message of Microsoft's kind. */
const ATTRIBUTES: Readonly<Record<string, 'type' | 'time' | 'digest' | 'capabilities' | 'ms'>> = {
  '1.2.840.113549.1.9.3': 'type',
  '1.2.840.113549.1.9.5': 'time',
  '1.2.840.113549.1.9.4': 'digest',
  '1.2.840.113549.1.9.15': 'capabilities',
  '1.3.6.1.4.1.311.2.1.12': 'ms',
  '1.3.6.1.4.1.311.2.1.11': 'ms',
};
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';

/** @throws BadMessage; the kernel's messages are in the log */
export function readMessage(state: LoadState, message: Uint8Array): SignedMessage {
  const reader = new MessageReader(state, message);
  decode(message, (action, element) => reader.act(action, element));
  return reader.result();
}

const NOTHING = new Uint8Array(0);

class MessageReader {
  readonly #state: LoadState;
  readonly #message: Uint8Array;
  readonly #identify: (value: Uint8Array) => Identifier;
  /** Before 6.12, whose list of algorithms is another. */
  readonly #isOld: boolean;
  readonly #signers: Signer[] = [];
  #last: Identifier;
  #version = 0;
  #contentType: Identifier | undefined;
  #hasData = false;
  #hasCertificates = false;
  /** These stay from one signer to the next. */
  #serial: Uint8Array = NOTHING;
  #issuer: Uint8Array = NOTHING;
  #keyId: Uint8Array = NOTHING;
  #byKeyId = false;
  /** These belong to the signer that is being read. */
  #hash = '';
  #algorithm = '';
  #signature: Uint8Array = NOTHING;
  #hasAttributes = false;
  readonly #seen = new Set<string>();

  constructor(state: LoadState, message: Uint8Array) {
    const [major, minor] = state.kernel.version;
    this.#state = state;
    this.#message = message;
    this.#identify = identifiersOf(major * 1000 + minor);
    this.#isOld = major * 1000 + minor < 6012;
    this.#last = this.#identify(NOTHING);
  }

  result(): SignedMessage {
    const [first] = this.#signers;
    // `pkcs7_check_authattrs()`
    if (first === undefined || this.#signers.some(signer => signer.hasAttributes !== first.hasAttributes))
      this.#fail('EINVAL', 'Inconsistently supplied authAttrs');
    return {
      signers: this.#signers,
      contentType: this.#contentType?.name ?? '',
      hasData: this.#hasData,
      hasCertificates: this.#hasCertificates,
    };
  }

  #fail(errno: ErrnoName, text?: string): never {
    if (text !== undefined) this.#state.print('warning', `PKCS7: ${text}`);
    throw new BadMessage(errno);
  }

  act(action: Action, element: Element): void {
    const value = this.#message.subarray(element.start, element.start + element.length);
    switch (action) {
      case 'oid':
        this.#last = this.#identify(value);
        if (this.#last.name === '')
          this.#state.print('warning', `PKCS7: Unknown OID: [${element.start}] ${printed(value)}`);
        return;
      case 'content type':
        if (this.#last.name !== SIGNED_DATA) this.#fail('EINVAL', 'Only support pkcs7_signedData type');
        return;
      case 'version':
        if (value.length !== 1 || (value[0] !== 1 && value[0] !== 3))
          this.#fail('EINVAL', 'Unsupported SignedData version');
        this.#version = value[0]!;
        return;
      case 'inner content':
        if (this.#last.name !== DATA && this.#last.name !== MS_DATA)
          this.#fail('EINVAL', `Unsupported data type ${this.#last.number}`);
        this.#contentType = this.#last;
        return;
      case 'data':
        this.#hasData = true;
        return;
      case 'certificate':
        if (element.tag !== SEQUENCE) this.#fail('EBADMSG');
        this.#hasCertificates = true;
        return;
      case 'certificates':
        return;
      case 'attribute':
        this.#attribute(element, value);
        return;
      case 'attributes':
        this.#attributes();
        return;
      default:
        this.#ofSigner(action, value);
    }
  }

  #ofSigner(action: Action, value: Uint8Array): void {
    switch (action) {
      case 'signer version':
        if (value.length !== 1 || (value[0] !== 1 && value[0] !== 3))
          this.#fail('EINVAL', 'Unsupported SignerInfo version');
        if ((value[0] === 1) !== (this.#version === 1)) this.#fail('EBADMSG', 'SignedData-SignerInfo version mismatch');
        this.#byKeyId = value[0] === 3;
        return;
      case 'issuer':
        this.#issuer = value;
        return;
      case 'serial':
        this.#serial = value;
        return;
      case 'key id':
        this.#keyId = value;
        return;
      case 'digest':
        this.#hash = this.#supported(HASHES, 'digest');
        return;
      case 'key algorithm':
        this.#algorithm = this.#supported(ALGORITHMS, 'pkey');
        return;
      case 'signature':
        this.#signature = value;
        return;
      case 'signer':
        this.#endOfSigner();
    }
  }

  #supported(names: Readonly<Record<string, string>>, what: string): string {
    const name = names[this.#last.name];
    const isGone = name?.startsWith('-') === true;
    if (name !== undefined && (this.#isOld || !isGone)) return isGone ? name.slice(1) : name;
    // In words of the kernel that have no prefix.
    this.#state.print('warning', `Unsupported ${what} algo: ${this.#last.number}`);
    throw new BadMessage('ENOPKG');
  }

  #attribute({ tag }: Element, value: Uint8Array): void {
    const kind = ATTRIBUTES[this.#last.name];
    if (kind === undefined) return;
    if (this.#seen.has(this.#last.name)) this.#fail('EKEYREJECTED', 'Repeated/multivalue AuthAttrs not permitted');
    this.#seen.add(this.#last.name);
    const isMs = this.#contentType?.name === MS_DATA;
    if (kind === 'type') {
      const own = this.#identify(value).number;
      const all = this.#contentType!.number;
      if (own !== all) this.#fail('EBADMSG', `Mismatch between global data type (${all}) and sinfo 0 (${own})`);
    } else if (kind === 'time') {
      if (!isTime(tag, value)) this.#fail('EBADMSG');
    } else if (kind === 'digest') {
      if (tag !== OCTET_STRING) this.#fail('EBADMSG');
    } else if (!isMs) {
      const what = kind === 'capabilities' ? 'S/MIME Caps' : 'Authenticode AuthAttrs';
      this.#fail('EKEYREJECTED', `${what} only allowed with Authenticode`);
    }
  }

  #attributes(): void {
    if (!this.#seen.has(CONTENT_TYPE) || !this.#seen.has(MESSAGE_DIGEST))
      this.#fail('EBADMSG', 'Missing required AuthAttr');
    this.#hasAttributes = true;
  }

  #endOfSigner(): void {
    if (this.#contentType?.name === MS_DATA && !this.#hasAttributes)
      this.#fail('EBADMSG', 'Authenticode requires AuthAttrs');
    this.#signers.push({
      hash: this.#hash,
      algorithm: this.#algorithm,
      keyId: this.#byKeyId ? this.#keyId : Buffer.concat([this.#serial, this.#issuer]),
      signature: this.#signature,
      hasAttributes: this.#hasAttributes,
    });
    this.#hash = this.#algorithm = '';
    this.#signature = NOTHING;
    this.#hasAttributes = false;
    this.#seen.clear();
  }
}

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `x509_decode_time()`: whether it is a time from 1970 on, `YYMMDDHHMMSSZ` or, outside 1950 to 2049, with a year of four digits. */
function isTime(tag: number, value: Uint8Array): boolean {
  const text = Buffer.from(value).toString('latin1');
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null || text.length !== (tag === UTC_TIME ? 13 : tag === GENERALIZED_TIME ? 15 : -1)) return false;
  const [, years, month, day, hour, minute, second] = match.map(Number);
  let year = years!;
  if (tag === UTC_TIME) year += year >= 50 ? 1900 : 2000;
  else if (year >= 1950 && year <= 2049) return false;
  if (year < 1970 || month! < 1 || month! > 12) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeap ? 29 : DAYS[month! - 1]!;
  return day! >= 1 && day! <= days && hour! <= 24 && minute! <= 59 && second! <= 60;
}
