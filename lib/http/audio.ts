import express, { type Express, type Request, type Response } from 'express'
import { LRUCache } from 'lru-cache'
import { isFresh } from '../core/entry.js'
import { chain, isPromise } from '../core/maybe.js'
import { savingOf } from '../core/saving.js'
import type { CacheEntry, MaybePromise } from '../core/types.js'
import { hit } from './cache-status.js'
import { shownStatus, type Engine, type Located } from './engine.js'
import { replay } from './replay.js'

/** Where an answer lies below the router: its folder, the digest of its key, and the extension of its type. */
export interface AudioLocation {
  readonly folder: string
  readonly digest: string
  readonly extension: string
}

/** An answer, and the tier where it lay. */
interface Found {
  readonly entry: CacheEntry
  readonly tier: string
}

/** Answers that survived a restart, whose keys nobody has asked for yet. */
export interface AudioFiles {
  read(folder: string, digest: string): Promise<CacheEntry | undefined>
}

/** Digests handed out whose keys are remembered; older ones are found only in files. */
const MAX_REMEMBERED = 10_000

const AUDIO_NAME = /^([0-9a-f]{64})\.[a-z0-9]+$/

/** Plays by GET what a POST made, under the digest of its key. */
export class AudioLibrary {
  readonly #keys = new LRUCache<string, string>({
    max: MAX_REMEMBERED,
    maxSize: MAX_REMEMBERED * 512,
    sizeCalculation: key => key.length,
  })
  readonly #routers: Express[] = []

  constructor(
    private readonly locationOf: (answer: Located) => AudioLocation,
    private readonly files: AudioFiles | undefined,
    /** What one run of a handler costs that makes speech. */
    private readonly cost: number,
  ) {}

  /** The URL of an answer, once a router is mounted; undefined for what only some may hear. */
  urlOf(answer: Located): string | undefined {
    const router = this.#routers.find(({ mountpath }) => typeof mountpath === 'string')
    if (router === undefined || answer.profile !== 'tts' || isPersonal(answer.key)) return undefined
    const { folder, digest, extension } = this.locationOf(answer)
    this.#keys.set(digest, answer.key)
    // An app that is mounted at `/` adds a slash of its own; two at the beginning would name a host.
    const path = `${router.path()}/${encodeURIComponent(folder)}/${digest}.${extension}`
    return path.replace(/\/{2,}/g, '/')
  }

  /** An app to be mounted: mounted in an app it learns its own path, which a plain router never does. */
  router(engine: Engine): Express {
    const app = express()
    app.disable('x-powered-by')
    app.on('mount', () => this.#routers.push(app))
    app.get('/:folder/:name', (req, res, next) => {
      const digest = AUDIO_NAME.exec(req.params.name)?.[1]
      if (digest === undefined) return next()
      const found = this.#find(engine, req.params.folder, digest)
      const send = (it: Found | undefined): void => play(engine, req, res, it, this.cost)
      if (isPromise(found)) found.then(send, () => send(undefined))
      else send(found)
    })
    return app
  }

  #find(engine: Engine, folder: string, digest: string): MaybePromise<Found | undefined> {
    const key = this.#keys.get(digest)
    const known = key === undefined ? undefined : engine.tier.get(key)
    return chain(known, entry => {
      if (entry !== undefined) return { entry, tier: engine.tier.tierOf?.(entry) ?? engine.tier.name }
      return chain(this.files?.read(folder, digest), filed => filed && { entry: filed, tier: 'file' })
    })
  }
}

function play(engine: Engine, req: Request, res: Response, found: Found | undefined, cost: number): void {
  const now = engine.clock.now()
  if (found === undefined || !isFresh(found.entry, now) || isPersonal(found.entry.key)) return sayNotCached(res)
  const { entry, tier } = found
  const status = shownStatus(engine, hit(entry, now), entry.key)
  replay(req, res, entry, status, now)
  const saved = savingOf(entry, cost, req.method, res)
  engine.report({ type: 'hit', profile: entry.profile, key: entry.key, collapsed: false, tier, saved })
}

function sayNotCached(res: Response): void {
  res.set('Cache-Control', 'no-store')
  res.status(404).json({
    error: 'not-cached',
    message: 'This audio is not, or no longer, in the cache: ask for it to be made again.',
  })
}

/** Who may hear it is in the key: knowing the digest must not be enough. */
const isPersonal = (key: string): boolean => / (?:key:|(?:header|vary):(?:authorization|cookie)=)/.test(key)
