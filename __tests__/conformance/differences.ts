/** Cases of one kind that differ for one reason, in one way. */
interface Difference {
  readonly why: string
  readonly kind: 'required' | 'optimal' | 'check'
  /** What the suite says of each. */
  readonly says: string
  readonly cases: readonly string[]
}

const notReused = 'Assertion: Response 2 does not come from cache'
const reused = 'Assertion: Response 2 comes from cache'
const notConditional = 'Assertion: Request 2 should have been conditional, but it was not.'
const cut = 'TypeError: fetch failed'

/** Where reelcache differs from the public suite on purpose. A case that is not listed passes; to a question, the answer is yes. */
export const differences: readonly Difference[] = [
  // What is never stored
  {
    why: 'Promise 2: an answer that sets a cookie is never stored.',
    kind: 'required',
    says: 'Setup: Response 2 does not come from cache',
    cases: ['headers-store-Set-Cookie'],
  },
  {
    why: 'Promise 2: an answer that sets a cookie is never stored, so there is nothing to confirm.',
    kind: 'required',
    says: 'Setup: Request 2 should have been conditional, but it was not.',
    cases: ['304-etag-update-response-Set-Cookie'],
  },
  {
    why: 'Promise 2: an answer that sets a cookie is never stored.',
    kind: 'optimal',
    says: notReused,
    cases: ['other-set-cookie'],
  },
  {
    why: 'Promise 1: an answer whose body is not as long as its Content-Length says is never stored; the suite sends 36 bytes as 10.',
    kind: 'required',
    says: 'Setup: Response 2 does not come from cache',
    cases: ['headers-store-Content-Length'],
  },
  {
    why: 'Promise 1: an answer whose body is not as long as its Content-Length says is never stored; the suite sends 36 bytes as 5.',
    kind: 'required',
    says: 'Setup: Request 2 should have been conditional, but it was not.',
    cases: ['304-etag-update-response-Content-Length'],
  },
  {
    why: 'Promise 2: no-cache means not stored, with field names or without; a handler that wants validation says max-age=0.',
    kind: 'optimal',
    says: notConditional,
    cases: ['cc-resp-no-cache-revalidate', 'cc-resp-no-cache-revalidate-fresh'],
  },
  {
    why: 'Promise 2: no-cache means not stored, with field names or without.',
    kind: 'check',
    says: 'Setup: Response 2 does not come from cache',
    cases: [
      'headers-omit-headers-listed-in-Cache-Control-no-cache',
      'headers-omit-headers-listed-in-Cache-Control-no-cache-single',
    ],
  },
  {
    why: 'Promise 4: no 5xx is ever replayed, whatever its headers say.',
    kind: 'optimal',
    says: notReused,
    cases: ['status-500-fresh', 'status-502-fresh', 'status-503-fresh', 'status-504-fresh', 'status-599-fresh'],
  },
  {
    why: 'Promise 4: no 206 is ever stored; ranges are cut from whole answers.',
    kind: 'optimal',
    says: notReused,
    cases: [
      'partial-store-partial-reuse-partial',
      'partial-store-partial-reuse-partial-absent',
      'partial-store-partial-reuse-partial-byterange',
      'partial-store-partial-reuse-partial-suffix',
    ],
  },
  {
    why: 'Promise 4: no 206 is ever stored, so there is none to complete.',
    kind: 'optimal',
    says: 'Assertion: Request 2 header range is "undefined", not "bytes=5-"',
    cases: ['partial-store-partial-complete'],
  },

  // Whose answer it is
  {
    why: 'Promise 2: a request with Authorization or a cookie passes the cache by, and leaves nothing in it.',
    kind: 'optimal',
    says: notReused,
    cases: [
      'other-authorization-must-revalidate',
      'other-authorization-public',
      'other-authorization-smaxage',
      'other-cookie',
    ],
  },
  {
    why: 'A POST is stored under its body: it is no answer to a GET, which has none.',
    kind: 'optimal',
    says: notReused,
    cases: ['method-POST'],
  },
  {
    why: 'Only Accept-Language is known to mean the same in other letters and spaces; order is preference, and an unknown field is taken as it is.',
    kind: 'optimal',
    says: notReused,
    cases: ['vary-normalise-lang-order', 'vary-normalise-lang-select', 'vary-normalise-space'],
  },

  // How long
  {
    why: 'No lifetime is guessed from Last-Modified: a route has a ttl, and with ttl: 0 only explicit freshness counts.',
    kind: 'optimal',
    says: notReused,
    cases: [200, 203, 204, 404, 405, 410, 414, 501, 599].map(status => `heuristic-${status}-cached`),
  },
  {
    why: 'No lifetime is guessed from Last-Modified: a route has a ttl, and with ttl: 0 only explicit freshness counts.',
    kind: 'check',
    says: notReused,
    cases: [
      ...[5, 10, 30, 60, 300, 600, 1200, 1800, 3600, 43_200, 86_400].map(seconds => `heuristic-delta-${seconds}`),
      'other-heuristic-content-disposition-attachment',
      'pragma-response-no-cache-heuristic',
    ],
  },
  {
    why: 'RFC 9111 section 5.1: of several Ages the first counts, and what is no number is ignored; newer editions of the suite agree.',
    kind: 'required',
    says: reused,
    cases: [
      'age-parse-dup-0',
      'age-parse-dup-0-twoline',
      'age-parse-dup-old',
      'age-parse-float',
      'age-parse-negative',
      'age-parse-nonnumeric',
      'age-parse-numeric-parameter',
      'age-parse-parameter',
      'age-parse-prefix-twoline',
    ],
  },
  {
    why: 'A max-age that is no whole number means stale (RFC 9111 section 4.2.1).',
    kind: 'check',
    says: notReused,
    cases: [
      'freshness-max-age-100a',
      'freshness-max-age-a100',
      'freshness-max-age-decimal-five',
      'freshness-max-age-decimal-zero',
    ],
  },
  {
    why: 'Of two lifetimes the shorter holds, so nothing is served too long (RFC 9111 section 4.2.1).',
    kind: 'check',
    says: notReused,
    cases: [
      'freshness-max-age-two-fresh-stale-sameline',
      'freshness-max-age-two-fresh-stale-sepline',
      'freshness-max-age-two-stale-fresh-sameline',
      'freshness-max-age-two-stale-fresh-sepline',
    ],
  },
  {
    why: 'An Expires that is no HTTP-date is a time in the past (RFC 9111 section 5.3); all of these miss the form, if only by a comma.',
    kind: 'check',
    says: notReused,
    cases: [
      'freshness-expires-32bit',
      'freshness-expires-far-future',
      'freshness-expires-invalid-1-digit-hour',
      'freshness-expires-invalid-2-digit-year',
      'freshness-expires-invalid-aest',
      'freshness-expires-invalid-date-dashes',
      'freshness-expires-invalid-multiple-lines',
      'freshness-expires-invalid-multiple-spaces',
      'freshness-expires-invalid-no-comma',
      'freshness-expires-invalid-time-periods',
      'freshness-expires-invalid-utc',
    ],
  },

  // Stale answers
  {
    why: 'A cut connection reaches the client as a cut connection; the suite expects an answer, of a gateway perhaps.',
    kind: 'required',
    says: cut,
    cases: [
      'stale-close-must-revalidate',
      'stale-close-no-cache',
      'stale-close-proxy-revalidate',
      'stale-close-s-maxage=2',
    ],
  },
  {
    why: 'Nothing stale is served unless the route asks for it.',
    kind: 'check',
    says: cut,
    cases: ['stale-close', 'stale-sie-503', 'stale-sie-close', 'stale-warning-become', 'stale-warning-stored'],
  },
  {
    why: 'Nothing stale is served unless the route asks for it, not even to a client that would take it.',
    kind: 'check',
    says: notReused,
    cases: ['ccreq-max-stale', 'ccreq-max-stale-age', 'stale-503'],
  },

  // What clients ask for
  {
    why: 'Promise 9: no header of a client switches the cache off.',
    kind: 'check',
    says: reused,
    cases: [
      'ccreq-ma0',
      'ccreq-ma1',
      'ccreq-magreaterage',
      'ccreq-min-fresh',
      'ccreq-min-fresh-age',
      'ccreq-no-cache',
      'ccreq-no-store',
    ],
  },
  {
    why: 'Promise 9: no header of a client makes the handler run.',
    kind: 'check',
    says: "Assertion: request 2 wasn't sent to server",
    cases: ['ccreq-no-cache-etag', 'ccreq-no-cache-lm'],
  },
  {
    why: 'Validators of clients are set aside and answered by the cache, or a cold cache would never be filled.',
    kind: 'check',
    says: 'Assertion: Request 1 header If-None-Match is "undefined", not ""abcdef""',
    cases: ['conditional-etag-forward', 'conditional-etag-forward-unquoted'],
  },
  {
    why: 'The suite sends a date before the Date of the answer, which is therefore modified since (RFC 9111 section 4.3.2).',
    kind: 'optimal',
    says: 'Assertion: Response 2 status is 200, not 304',
    cases: ['conditional-lm-fresh-no-lm'],
  },
  {
    why: 'A tag without quotes is no entity tag and equals none that has them (RFC 9110 section 8.8.3).',
    kind: 'check',
    says: 'Assertion: Response 2 status is 200, not 304',
    cases: ['conditional-etag-quoted-respond-unquoted', 'conditional-etag-unquoted-respond-quoted'],
  },
  {
    why: 'The handler is shown the tag as it wrote it.',
    kind: 'check',
    says: 'Assertion: Request 2 header If-None-Match is "abcdef", not ""abcdef""',
    cases: ['conditional-etag-strong-generate-unquoted'],
  },
  {
    why: 'The tag of one variant says nothing about another.',
    kind: 'check',
    says: notConditional,
    cases: ['conditional-etag-vary-headers-mismatch'],
  },
  {
    why: 'Node writes a field as UTF-8 when head and text leave together, so the tag is spoilt before there is a cache hit.',
    kind: 'check',
    says: 'Setup: Response 1 header ETag is ""abcdefÃ¼"", not ""abcdefü""',
    cases: ['conditional-etag-strong-respond-obs-text'],
  },

  // HEAD
  {
    why: "A HEAD for a stale answer is the handler's own: nothing of the stored one is mixed in.",
    kind: 'check',
    says: 'Assertion: Response 2 header Template-A is "null", not "1"',
    cases: ['head-200-retain'],
  },
  {
    why: 'A HEAD answer does not renew what GET stored.',
    kind: 'check',
    says: 'Assertion: Response 3 does not come from cache',
    cases: ['head-200-freshness-update'],
  },
  {
    why: 'A HEAD answer does not renew what GET stored.',
    kind: 'check',
    says: 'Setup: Response 3 does not come from cache',
    cases: ['head-200-update', 'head-410-update'],
  },
]
