import express, { type Express, type Request, type Response } from 'express'
import { isFresh } from '../core/entry.js'
import { chain, isPromise } from '../core/maybe.js'
import { savingOf } from '../core/saving.js'
import type { CacheEntry, MaybePromise } from '../core/types.js'
import { AudioAddresses, type AudioLocation } from './audio-address.js'
import { hit } from './cache-status.js'
import type { Engine, Located } from './engine.js'
import { lineOf } from './headers.js'
import { isKnownAudio, judgeStart } from './media.js'
import { replay } from './replay.js'
import { resume, type Answerer } from './waiting.js'

/** An entry, and the tier where it lay. */
interface Found {
  readonly entry: CacheEntry
  readonly tier: string
}

/** Entries that survived a restart, whose keys nobody has asked for yet. */
export interface AudioFiles {
  read(folder: string, digest: string): Promise<CacheEntry | undefined>
}

export interface AudioParts {
  readonly locationOf: (response: Located) => AudioLocation
  readonly files: AudioFiles | undefined
  /** What one run of a handler costs that makes speech. */
  readonly cost: number
  /** The secret that lies beside the files; undefined where there is none. */
  readonly storedSecret: () => Buffer | undefined
  /** Resolves with the secret that machines have agreed on, ours if there was none; undefined where each has its own. */
  readonly agree: ((ours: Buffer) => Promise<Buffer | undefined>) | undefined
  /** Nobody knows where the router is mounted. */
  readonly warnOfPath: () => void
}

interface Mounted {
  readonly app: Express
  /** What the user says. */
  readonly path: string | undefined
}

/** What browsers are told of each response: it is what it says it is, and nothing in it runs. */
const GUARDS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; media-src 'self'",
} as const

/** Plays by GET what a POST made, at an address that the POST was told. */
export class AudioLibrary {
  readonly #addresses: AudioAddresses
  readonly #routers: Mounted[] = []
  #hasSecret = false

  constructor(private readonly parts: AudioParts) {
    this.#addresses = new AudioAddresses(parts.locationOf)
  }

  /** The URL of a response, once a router is mounted; undefined for what is no audio, or not for everybody. */
  urlOf(response: Located): string | undefined {
    if (this.#routers.length === 0 || !isForEverybody(response.key) || !isPlayable(response)) return undefined
    const base = this.#base
    // An app that is mounted at `/` adds a slash of its own; two at the beginning would name a host.
    return base === undefined ? undefined : (base + this.#addresses.pathOf(response)).replace(/\/{2,}/g, '/')
  }

  get #base(): string | undefined {
    for (const { app, path } of this.#routers) {
      if (path !== undefined) return path
      if ('parent' in app && typeof app.mountpath === 'string') return app.path()
    }
    this.parts.warnOfPath()
    return undefined
  }

  /** An app to be mounted: in an app it learns its own path, in an `express.Router` nobody tells it. */
  router(engine: Engine, path: string | undefined): Express {
    this.#learnSecret()
    const app = express()
    app.disable('x-powered-by')
    this.#routers.push({ app, path })
    app.get('/:folder/:name', (req, res, next) => {
      const { folder, name } = req.params
      const place = this.#addresses.read(folder, name)
      if (place === undefined) return next()
      const send = (found: Found | undefined): Answerer => {
        play(engine, req, res, found, this.parts.cost)
        return 'cache'
      }
      const found = place === 'foreign' ? undefined : this.#find(engine, place)
      if (!isPromise(found)) return void send(found)
      void found
        .catch(() => undefined)
        .then(it => resume({ engine, profile: 'tts', res }, next, undefined, () => send(it)))
    })
    return app
  }

  #learnSecret(): void {
    if (this.#hasSecret) return
    this.#hasSecret = true
    const stored = this.parts.storedSecret()
    if (stored !== undefined) this.#addresses.adopt(stored)
    this.parts.agree?.(this.#addresses.secret).then(
      shared => shared && this.#addresses.adopt(shared),
      () => undefined,
    )
  }

  #find(engine: Engine, { folder, digest }: AudioLocation): MaybePromise<Found | undefined> {
    const key = this.#addresses.keyOf(digest)
    const known = key === undefined ? undefined : engine.tier.get(key)
    return chain(known, entry => {
      if (entry !== undefined) return { entry, tier: engine.tier.tierOf?.(entry) ?? engine.tier.name }
      return chain(this.parts.files?.read(folder, digest), filed => filed && { entry: filed, tier: 'file' })
    })
  }
}

function play(engine: Engine, req: Request, res: Response, found: Found | undefined, cost: number): void {
  const now = engine.clock.now()
  if (found === undefined || !isFresh(found.entry, now) || !isAudible(found.entry)) return sayNotCached(res)
  const { entry, tier } = found
  // The key is not shown, in development neither: it holds the URL of whoever made this.
  const guarded = { ...entry, headers: { ...entry.headers, ...GUARDS } }
  replay({ engine, method: req.method, headers: req.headers }, res, guarded, hit(entry, now), now)
  const saved = savingOf(entry, cost, req.method, res)
  engine.report({ type: 'hit', profile: entry.profile, key: entry.key, collapsed: false, tier, saved })
}

function sayNotCached(res: Response): void {
  res.set({ ...GUARDS, 'Cache-Control': 'no-store' })
  res.status(404).json({
    error: 'not-cached',
    message: 'This audio is not, or no longer, in the cache: ask for it to be made again.',
  })
}

/** Only what says that it is audio, and begins as that audio does: a page or a script must not come from here. */
const isAudible = (entry: CacheEntry): boolean =>
  isForEverybody(entry.key) &&
  isPlayable(entry) &&
  entry.variants === undefined &&
  entry.body.length > 0 &&
  judgeStart(entry.profile, lineOf(entry.headers, 'content-type'), false, entry.body) === undefined

const isPlayable = ({ profile, status, headers }: Located): boolean =>
  profile === 'tts' &&
  status === 200 &&
  headers['content-encoding'] === undefined &&
  isKnownAudio(lineOf(headers, 'content-type'))

/**
 * Nothing but URL, body and path is in the key. A header, a variant or the route's `key` may tell who may hear it, and an address would be
 * good for everybody.
 */
const isForEverybody = (key: string): boolean =>
  key
    .split(' ')
    .slice(5)
    .every(part => part.startsWith('body:') || part.startsWith('rewritten:'))
