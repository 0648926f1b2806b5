/**
 * Object identifiers that the kernel knows (include/linux/oid_registry.h), in its order: its messages name them by number. One
 * that it does not know has the number behind the last.
 */

/** Those of all versions; `-` before one that ends with 6.1, `+` before one that 6.12 has first. */
const KNOWN =
  `1.2.840.10030.4.3 1.2.840.10040.4.1 1.2.840.10045.2.1 1.2.840.10045.3.1.1 1.2.840.10045.3.1.7 1.2.840.10045.4.1
1.2.840.10045.4.3.1 1.2.840.10045.4.3.2 1.2.840.10045.4.3.3 1.2.840.10045.4.3.4 1.2.840.113549.1.1.1 -1.2.840.113549.1.1.2
-1.2.840.113549.1.1.3 -1.2.840.113549.1.1.4 1.2.840.113549.1.1.5 1.2.840.113549.1.1.11 1.2.840.113549.1.1.12
1.2.840.113549.1.1.13 1.2.840.113549.1.1.14 1.2.840.113549.1.7.1 1.2.840.113549.1.7.2 1.2.840.113549.1.9.1
1.2.840.113549.1.9.3 1.2.840.113549.1.9.4 1.2.840.113549.1.9.5 1.2.840.113549.1.9.15 1.2.840.113549.1.9.16.2.11
-1.2.840.113549.2.2 -1.2.840.113549.2.4 -1.2.840.113549.2.5 1.2.840.48018.1.2.2 1.2.840.113554.1.2.2 1.2.840.113554.1.2.2.3
1.3.6.1.4.1.311.2.1.4 1.3.6.1.4.1.311.2.1.11 1.3.6.1.4.1.311.2.1.12 1.3.6.1.4.1.311.2.1.15 1.3.6.1.4.1.311.2.1.21
1.3.6.1.4.1.311.16.4 1.3.6.1.4.1.311.2.2.10 +1.3.6.1.4.1.311.2.2.30 1.3.6.1.5.5.2 1.3.6.1.5.2.5 1.3.5.1.5.2.7 1.3.6.1.5.5.14
1.3.6.1.5.5.7.1.1 1.3.14.3.2.26 1.3.132.0.34 +1.3.132.0.35 2.16.840.1.101.3.4.2.1 2.16.840.1.101.3.4.2.2
2.16.840.1.101.3.4.2.3 2.16.840.1.101.3.4.2.4 2.5.4.3 2.5.4.4 2.5.4.6 2.5.4.7 2.5.4.8 2.5.4.10 2.5.4.11 2.5.4.12 2.5.4.13
2.5.4.41 2.5.4.42 2.5.4.43 2.5.4.44 2.5.29.14 2.5.29.15 2.5.29.17 2.5.29.18 2.5.29.19 2.5.29.31 2.5.29.32 2.5.29.35 2.5.29.37
1.2.752.43.14.2 1.2.752.43.14.3 1.2.643.2.2.35.1 1.2.643.2.2.35.2 1.2.643.2.2.35.3 1.2.643.7.1.1.1.1 1.2.643.7.1.1.1.2
1.2.643.7.1.1.2.2 1.2.643.7.1.1.2.3 1.2.643.7.1.1.3.2 1.2.643.7.1.1.3.3 1.2.643.7.1.2.1.1.1 1.2.643.7.1.2.1.1.2
1.2.643.7.1.2.1.1.3 1.2.643.7.1.2.1.1.4 1.2.643.7.1.2.1.2.1 1.2.643.7.1.2.1.2.2 1.2.643.7.1.2.1.2.3 1.2.156.10197.1.301
1.2.156.10197.1.401 1.2.156.10197.1.501 1.2.156.10197.1.504 2.23.133.10.1.3 2.23.133.10.1.4 2.23.133.10.1.5
+2.16.840.1.101.3.4.2.8 +2.16.840.1.101.3.4.2.9 +2.16.840.1.101.3.4.2.10 +2.16.840.1.101.3.4.3.10 +2.16.840.1.101.3.4.3.11
+2.16.840.1.101.3.4.3.12 +2.16.840.1.101.3.4.3.14 +2.16.840.1.101.3.4.3.15 +2.16.840.1.101.3.4.3.16
*2.16.840.1.101.3.4.3.17 *2.16.840.1.101.3.4.3.18 *2.16.840.1.101.3.4.3.19`.split(/\s+/);

/** The first version that has what is marked, times 1000 the major. */
const SINCE = { '+': 6012, '*': 7000 } as const;

export interface Identifier {
  /** `1.2.840.113549.1.7.2`; empty for one that the kernel does not know. */
  readonly name: string;
  /** The kernel's number for it. */
  readonly number: number;
}

/** A search by contents, of the kernel's version (major * 1000 + minor). */
export function identifiersOf(version: number): (value: Uint8Array) => Identifier {
  const names = KNOWN.filter(entry => {
    const mark = entry[0]!;
    if (mark === '-') return version < SINCE['+'];
    return mark === '+' || mark === '*' ? version >= SINCE[mark] : true;
  }).map(entry => entry.replace(/^[-+*]/, ''));
  const known = new Map(names.map((name, number) => [hex(encoded(name)), { name, number }]));
  return value => known.get(hex(value)) ?? { name: '', number: names.length };
}

const hex = (bytes: Uint8Array | readonly number[]) => Buffer.from(bytes).toString('hex');

function encoded(name: string): number[] {
  const [first, second, ...rest] = name.split('.').map(Number);
  const bytes = [first! * 40 + second!];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return bytes;
}

/** Characters that the kernel has room for. */
const ROOM = 49;

/** `sprint_oid()` */
export function printed(value: Uint8Array): string {
  if (value.length === 0) return '(bad)';
  let text = `${Math.floor(value[0]! / 40)}.${value[0]! % 40}`;
  for (let at = 1; at < value.length; ) {
    let part = 0n;
    let byte: number | undefined;
    do {
      byte = value[at++];
      if (byte === undefined) return `${text}(bad)`.slice(0, ROOM);
      part = BigInt.asUintN(64, (part << 7n) | BigInt(byte & 0x7f));
    } while ((byte & 0x80) !== 0);
    text += `.${part}`;
    if (text.length > ROOM) break;
  }
  return text.slice(0, ROOM);
}
