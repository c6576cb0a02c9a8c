import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Located } from './engine.js'

/** Where a response lies below the router: its folder, the digest of its key, and the extension of its type. */
export interface AudioLocation {
  readonly folder: string
  readonly digest: string
  readonly extension: string
}

/** Addresses handed out whose keys are remembered; older ones are found only in files. */
const MAX_REMEMBERED = 10_000
/** Secrets that may be told one after another: files have one, the store another. */
const MAX_SECRETS = 4

const NAME = /^([0-9a-f]{64})(?:-([A-Za-z0-9_-]{43}))?\.([a-z0-9]{1,8})$/
const HIDDEN = { max: MAX_REMEMBERED, maxSize: MAX_REMEMBERED * 512 }

interface Address {
  readonly digest: string
  readonly path: string
  /** The extension follows from it. */
  readonly type: string | readonly string[] | undefined
}

/**
 * Addresses under which audio is played. Each holds a proof (HMAC-SHA256) that this cache has given it away: a digest alone can be computed
 * by anybody who knows host and text.
 */
export class AudioAddresses {
  /** The first makes addresses, all are accepted. */
  #secrets: readonly Buffer[] = [randomBytes(32)]
  readonly #made = new LRUCache<string, Address>({
    ...HIDDEN,
    sizeCalculation: ({ path }, key) => key.length + path.length,
  })
  readonly #keys = new LRUCache<string, string>({ ...HIDDEN, sizeCalculation: key => key.length })

  constructor(private readonly locationOf: (response: Located) => AudioLocation) {}

  /** What makes the addresses now. */
  get secret(): Buffer {
    return this.#secrets[0]!
  }

  /** From now on addresses are made with this secret; those made before are still played. */
  adopt(secret: Buffer): void {
    const others = this.#secrets.filter(known => !known.equals(secret))
    this.#secrets = [secret, ...others].slice(0, MAX_SECRETS)
    this.#made.clear()
  }

  /** The path of a response below the router. */
  pathOf(response: Located): string {
    const { key, headers } = response
    const type = headers['content-type']
    const known = this.#made.get(key)
    const address = known !== undefined && known.type === type ? known : this.#make(response)
    if (address !== known) this.#made.set(key, address)
    this.#keys.set(address.digest, key)
    return address.path
  }

  #make(response: Located): Address {
    const { folder, digest, extension } = this.locationOf(response)
    const proof = proofOf(this.secret, `${folder}/${digest}.${extension}`).toString('base64url')
    const path = `/${encodeURIComponent(folder)}/${digest}-${proof}.${extension}`
    return { digest, path, type: response.headers['content-type'] }
  }

  /** What an address means. `foreign`: this cache has not given it away. Undefined: it is none. */
  read(folder: string, name: string): AudioLocation | 'foreign' | undefined {
    const [, digest, proof, extension] = NAME.exec(name) ?? []
    if (digest === undefined || extension === undefined) return undefined
    return proof !== undefined && this.#isOurs(`${folder}/${digest}.${extension}`, proof)
      ? { folder, digest, extension }
      : 'foreign'
  }

  /** The key of a digest, where it is remembered. */
  keyOf(digest: string): string | undefined {
    return this.#keys.get(digest)
  }

  #isOurs(place: string, proof: string): boolean {
    const given = Buffer.from(proof, 'base64url')
    // All are compared, and each takes the same time whatever is given.
    return this.#secrets.map(secret => timingSafeEqual(proofOf(secret, place), given)).includes(true)
  }
}

const proofOf = (secret: Buffer, place: string): Buffer => createHmac('sha256', secret).update(place).digest()
