import type { Request } from 'express'
import type { BypassReason } from '../core/outcomes.js'
import type { ProfileName } from '../core/types.js'
import type { Asked } from './asked.js'
import { hostField, isEncrypted, isRewritten, keyOf, movieInBody, type RequestKey } from './key.js'
import type { Policy } from './policy.js'

/** Beyond these nothing is remembered: a stranger makes up URLs as he likes. */
const MAX_KEYS = 4_096
/**
 * Hits on others, after which those that are remembered make room. Sooner, whoever asks for more URLs than are remembered would have them
 * remembered and forgotten again for nothing but the garbage collector, which costs more than to make the keys.
 */
const MAX_OTHERS = 16 * MAX_KEYS
const LONGEST_URL = 256

/** A key, and all that it was made of beside the URL. */
interface Known {
  readonly policy: Policy
  readonly host: string | undefined
  readonly isSecure: boolean
  readonly movieId: unknown
  readonly id: unknown
  readonly key: RequestKey
}

/** Keys of GET and HEAD by their URL, so that the key of a URL that is hit again and again need not be made again. */
export class KnownKeys {
  readonly #byUrl = new Map<string, Known>()
  #others = 0
  /** What was made last, and under which URL. */
  #last: { readonly url: string; readonly known: Known } | undefined

  keyOf(asked: Asked, profile: ProfileName, policy: Policy): RequestKey | BypassReason {
    const { req, method, headers } = asked
    const { originalUrl, socket } = req
    const isOfUrlAlone = policy.isKeyedByUrl && method !== 'POST' && !isForwarded(headers) && !isRewritten(req)
    // Middleware in front may have left a body that names the movie.
    if (!isOfUrlAlone || movieInBody(req) !== undefined) return keyOf(asked, profile, policy.route)
    const { movieId, id } = req.params as Record<string, unknown>
    const isSecure = isEncrypted(socket)
    const known = this.#byUrl.get(originalUrl)
    const isSame =
      known !== undefined &&
      known.policy === policy &&
      known.host === hostField(headers) &&
      known.movieId === movieId &&
      known.id === id &&
      known.isSecure === isSecure
    if (isSame) return known.key
    const key = keyOf(asked, profile, policy.route)
    if (typeof key === 'string' || originalUrl.length > LONGEST_URL) return key
    this.#last = { url: originalUrl, known: { policy, host: hostField(headers), isSecure, movieId, id, key } }
    return key
  }

  /** There is an answer under this key: it is remembered, where it was made just now. What is never hit takes no place. */
  remember(key: RequestKey): void {
    if (this.#last?.known.key !== key) return
    if (this.#hasRoom()) this.#byUrl.set(this.#last.url, this.#last.known)
    this.#last = undefined
  }

  #hasRoom(): boolean {
    if (this.#byUrl.size < MAX_KEYS) return true
    if (++this.#others < MAX_OTHERS) return false
    this.#byUrl.clear()
    this.#others = 0
    return true
  }
}

const isForwarded = (headers: Request['headers']): boolean =>
  headers['x-forwarded-host'] !== undefined || headers['x-forwarded-proto'] !== undefined
