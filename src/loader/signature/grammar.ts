/**
 * The PKCS#7 grammar of the kernel (crypto/asymmetric_keys/pkcs7.asn1; the same from 6.1 to 7.2) as steps for `decoder.ts`, in the
 * order in which the kernel's own decoder takes them: which error a message meets first depends on it.
 */

/** What happens at a step; `pkcs7.ts` does it. */
export type Action =
  | 'oid'
  | 'content type'
  | 'version'
  | 'inner content'
  | 'data'
  | 'certificate'
  | 'certificates'
  | 'signer version'
  | 'issuer'
  | 'serial'
  | 'key id'
  | 'digest'
  | 'attribute'
  | 'attributes'
  | 'key algorithm'
  | 'signature'
  | 'signer';

export type Step =
  /** An element with this tag (any where it is absent); where it has one with CONSTRUCTED, its parts follow. */
  | {
      readonly kind: 'match';
      readonly tag?: number;
      readonly action?: Action;
      /** Goes on there for the parts, and comes back. */
      readonly to?: string;
      /** May be missing. */
      readonly skip?: boolean;
      /** Only where no alternative before it matched. */
      readonly otherwise?: boolean;
    }
  | { readonly kind: 'act'; readonly action: Action }
  /** Only where the rule that was gone to before was not skipped. */
  | { readonly kind: 'maybe'; readonly action: Action }
  /** One of the alternatives has to have matched. */
  | { readonly kind: 'one of' }
  /** The end of a constructed element; with `again`, its parts are repeated from there. */
  | { readonly kind: 'end'; readonly again?: string; readonly action?: Action }
  | { readonly kind: 'return' }
  | { readonly kind: 'complete' };

const INTEGER = 0x02;
export const OCTET_STRING = 0x04;
const OID = 0x06;
export const SEQUENCE = 0x30;
const SET = 0x31;
/** Context-specific, constructed: `[n]`. */
const context = (n: number) => 0xa0 | n;
const KEY_ID = 0x80;

const match = (tag: number, action?: Action): Step => ({ kind: 'match', tag, ...(action && { action }) });
const any = (action?: Action): Step => ({ kind: 'match', ...(action && { action }) });
const optional = (step: Step): Step => ({ ...step, skip: true }) as Step;
const otherwise = (step: Step): Step => ({ ...step, skip: true, otherwise: true }) as Step;
const go = (tag: number, to: string): Step => ({ kind: 'match', tag, to });
const act = (action: Action): Step => ({ kind: 'act', action });
const end = (again?: string, action?: Action): Step => ({
  kind: 'end',
  ...(again !== undefined && { again }),
  ...(action && { action }),
});
const ONE_OF: Step = { kind: 'one of' };
const RETURN: Step = { kind: 'return' };

/** Elements of one rule, as often as they are there. */
const listOf = (name: string, tag: number, rule: string): [string, readonly Step[]] => [
  name,
  [go(tag, rule), end(name), RETURN],
];

/** The rules; the first is the message. A step that goes to a rule names it, or a place in one (`rule/place`). */
export const RULES: readonly [name: string, steps: readonly Step[]][] = [
  [
    'message',
    [
      match(SEQUENCE),
      match(OID, 'oid'),
      act('content type'),
      optional(go(context(0), 'signed data')),
      end(),
      { kind: 'complete' },
    ],
  ],
  [
    'signed data',
    [
      match(SEQUENCE),
      match(INTEGER, 'version'),
      optional(go(SET, 'digests')),
      otherwise(go(SEQUENCE, 'digests')),
      ONE_OF,
      match(SEQUENCE),
      match(OID, 'oid'),
      act('oid'),
      optional(go(context(0), 'data')),
      end(),
      act('inner content'),
      optional(go(context(0), 'certificates')),
      otherwise(go(context(2), 'certificate list')),
      act('certificates'),
      optional(go(context(1), 'revocations')),
      otherwise(go(context(3), 'revocations')),
      optional(go(SET, 'signers')),
      otherwise(go(SEQUENCE, 'signers')),
      ONE_OF,
      end(),
      end(),
      RETURN,
    ],
  ],
  listOf('digests', SEQUENCE, 'algorithm'),
  ['data', [any('data'), end(), RETURN]],
  ['certificates', [optional(any('certificate')), otherwise(any('certificate')), ONE_OF, end('certificates'), RETURN]],
  ['certificate list', [any('certificate'), end('certificate list'), RETURN]],
  listOf('revocations', SEQUENCE, 'certificate list'),
  listOf('signers', SEQUENCE, 'signer'),
  ['algorithm', [match(OID, 'oid'), optional(any()), end(), RETURN]],
  [
    'signer',
    [
      match(INTEGER, 'signer version'),
      optional(go(SEQUENCE, 'issuer and serial')),
      otherwise(match(KEY_ID, 'key id')),
      ONE_OF,
      go(SEQUENCE, 'algorithm'),
      act('digest'),
      optional(go(context(0), 'attributes')),
      { kind: 'maybe', action: 'attributes' },
      otherwise(go(context(2), 'attribute sequence')),
      match(SEQUENCE),
      match(OID, 'oid'),
      optional(any()),
      end(),
      act('key algorithm'),
      match(OCTET_STRING, 'signature'),
      optional(go(context(1), 'other attributes')),
      otherwise(go(context(3), 'other attributes')),
      end(undefined, 'signer'),
      RETURN,
    ],
  ],
  ['issuer and serial', [match(SEQUENCE)]],
  ['name part', [match(SET)]],
  [
    'name value',
    [
      match(SEQUENCE),
      match(OID, 'oid'),
      any(),
      end(),
      end('name value'),
      end('name part'),
      act('issuer'),
      match(INTEGER),
      act('serial'),
      end(),
      RETURN,
    ],
  ],
  listOf('attributes', SEQUENCE, 'attribute'),
  ['attribute sequence', [match(SEQUENCE)]],
  ['attribute in sequence', [go(SEQUENCE, 'attribute'), end('attribute in sequence'), end(), RETURN]],
  listOf('other attributes', SEQUENCE, 'other attribute'),
  ['attribute', [match(OID, 'oid'), match(SET)]],
  ['attribute value', [any('attribute'), end('attribute value'), end(), RETURN]],
  ['other attribute', [match(OID), match(SET)]],
  ['other value', [any(), end('other value'), end(), RETURN]],
];
