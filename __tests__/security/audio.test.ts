import { createHash } from 'node:crypto'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestHandler, Response } from 'express'
import type { CacheEvent } from '../../lib/index.js'
import { testCache, type CacheOptions, type RouteOptions } from '../support/cache.js'
import { ask, postJson, type Answer } from '../support/client.js'
import { counted, expresses, type Express } from '../support/express.js'
import { serve, type Served } from '../support/server.js'
import { until } from '../support/until.js'

const wave = Buffer.concat([Buffer.from('RIFF\x24\x00\x00\x00WAVEfmt '), Buffer.alloc(2_000, 7)])
const speak = (res: Response): unknown => res.type('audio/wav').send(wave)
const passOn: RequestHandler = (_req, _res, next) => next()

interface House {
  readonly server: Served
  readonly keys: string[]
  readonly say: (headers?: Record<string, string>, text?: string) => Promise<Answer>
  /** Where the answer to a POST can be heard, as it says. */
  readonly addressOf: (headers?: Record<string, string>) => Promise<string | undefined>
}

interface Setting {
  readonly options?: CacheOptions
  readonly route?: RouteOptions
  readonly front?: RequestHandler
  readonly handler?: (res: Response) => unknown
}

async function house(
  express: Express,
  { options = {}, route, front = passOn, handler = speak }: Setting = {},
): Promise<House> {
  const cache = testCache(options)
  const keys: string[] = []
  cache.on('event', (event: CacheEvent) => {
    if (event.type === 'stored') keys.push(event.key)
  })
  const app = express()
    .use(express.json())
    .use('/audio', cache.audioRouter())
    .post(
      '/api/movies/:movieId/tts',
      front,
      cache.cacheTts(route),
      counted((_req, res) => handler(res)),
    )
    .use((_req, res) => void res.status(404).send('nothing here'))
  const server = await serve(app)
  const say: House['say'] = (headers, text = 'Hello') => postJson(server, '/api/movies/603/tts', { text }, headers)
  return { server, keys, say, addressOf: async headers => (await say(headers)).headers['content-location'] }
}

const parts = (address: string): [folder: string, digest: string, proof: string] => {
  const [, folder, digest, proof] = /^\/audio\/([^/]+)\/([0-9a-f]{64})-([\w-]{43})\.wav$/.exec(address) ?? []
  return [folder!, digest!, proof!]
}
const isPlayed = async ({ server }: House, address: string): Promise<boolean> =>
  (await ask(server, address)).status === 200

describe.each(expresses)('the audio router on %s', (_version, express) => {
  it('plays at the address that the POST was told', async () => {
    const it = await house(express)
    const address = await it.addressOf()
    const { status, body, headers } = await ask(it.server, address!)
    expect([status, body.equals(wave), headers['content-type']]).toEqual([200, true, 'audio/wav'])
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' })
    expect(await it.addressOf()).toBe(address)
  })

  describe('a stranger cannot compute an address from host and text', () => {
    const guesses: readonly (readonly [string, (digest: string, proof: string) => string])[] = [
      ['the digest of the key alone', digest => `603/${digest}.wav`],
      ['a proof of nothing', digest => `603/${digest}-${'A'.repeat(43)}.wav`],
      [
        'the digest once more for a proof',
        digest => `603/${digest}-${createHash('sha256').update(digest).digest('base64url')}.wav`,
      ],
      ['a proof that is too short', (digest, proof) => `603/${digest}-${proof.slice(1)}.wav`],
      ['a proof that is too long', (digest, proof) => `603/${digest}-${proof}A.wav`],
      ['a proof in capitals', (digest, proof) => `603/${digest}-${proof.toUpperCase()}.wav`],
      ['a digest in capitals', (digest, proof) => `603/${digest.toUpperCase()}-${proof}.wav`],
      ['the digest of another', (digest, proof) => `603/${digest.replace(/./g, '0')}-${proof}.wav`],
      ['another folder', (digest, proof) => `604/${digest}-${proof}.wav`],
      ['no folder', (digest, proof) => `-/${digest}-${proof}.wav`],
      ['another extension', (digest, proof) => `603/${digest}-${proof}.html`],
      ['the meta', (digest, proof) => `603/${digest}-${proof}.meta`],
      ['a way out', (digest, proof) => `..%2f603/${digest}-${proof}.wav`],
      ['a way out and in', (digest, proof) => `603%2f..%2f603/${digest}-${proof}.wav`],
      ['a null byte', (digest, proof) => `603%00/${digest}-${proof}.wav`],
      ['a very long folder', (digest, proof) => `${'6'.repeat(8_000)}/${digest}-${proof}.wav`],
      ['a very long name', (digest, proof) => `603/${digest}-${proof.repeat(150)}.wav`],
      ['what cannot be decoded', (digest, proof) => `%E0%A4%A/${digest}-${proof}.wav`],
    ]
    it.each(guesses)('by %s', async (_name, guess) => {
      const it = await house(express)
      const [, digest, proof] = parts((await it.addressOf())!)
      expect(digest).toBe(createHash('sha256').update(it.keys[0]!).digest('hex'))
      for (const method of ['GET', 'HEAD']) {
        const { status, body } = await ask(it.server, `/audio/${guess(digest, proof)}`, { method })
        expect([400, 404]).toContain(status)
        expect(body.includes(wave)).toBe(false)
      }
      expect(await isPlayed(it, `/audio/603/${digest}-${proof}.wav`)).toBe(true)
    })

    it('and learns nothing of whether there is something', async () => {
      const it = await house(express)
      const [, digest] = parts((await it.addressOf())!)
      const answers = []
      for (const one of [digest, 'a'.repeat(64)])
        answers.push(await ask(it.server, `/audio/603/${one}-${'A'.repeat(43)}.wav`))
      const [known, unknown] = answers.map(({ status, headers, body }) => [status, headers['x-cache'], body.toString()])
      expect(known).toEqual(unknown)
    })

    it('nor with the address of another app', async () => {
      const [one, other] = [await house(express), await house(express)]
      const address = (await one.addressOf())!
      await other.addressOf()
      expect([await isPlayed(one, address), await isPlayed(other, address)]).toEqual([true, false])
    })
  })

  describe('a stranger cannot hear what was made for somebody', () => {
    const asUser: RequestHandler = (req, _res, next) => {
      Object.assign(req, { user: { id: req.headers['x-user-id'] } })
      next()
    }
    it.each<[string, Setting, Record<string, string>]>([
      ['vary keeps apart', { route: { vary: ['x-user-id'] } }, { 'X-User-Id': 'alice' }],
      ['vary keeps apart, from those without the field', { route: { vary: ['x-user-id'] } }, {}],
      ['vary keeps apart by authorization', { route: { vary: ['authorization'] } }, { Authorization: 'Bearer alice' }],
      ['vary keeps apart by cookie', { route: { vary: ['cookie'] } }, { Cookie: 'sid=alice' }],
      ['key names', { route: { key: req => req.headers['x-user-id'] } }, { 'X-User-Id': 'alice' }],
      ['key names as data', { route: { key: () => ({ user: 1 }) } }, {}],
      ['key names, with a user', { front: asUser, route: { key: () => 'alice' } }, { 'X-User-Id': 'alice' }],
      ['the handler keeps apart by Vary', { handler: res => speak(res.vary('X-Voice')) }, { 'X-Voice': 'alice' }],
    ])('that %s: it has no address', async (_name, setting, headers) => {
      const it = await house(express, setting)
      expect([await it.addressOf(headers), await it.addressOf(headers)]).toEqual([undefined, undefined])
      expect((await it.say(headers)).headers['x-cache']).toBe('HIT')
    })

    it.each<[string, Setting]>([
      ['a user is known', { front: asUser }],
      ['bypass says so', { route: { bypass: () => true } }],
    ])('that is not stored, because %s: it has no address', async (_name, setting) => {
      const it = await house(express, setting)
      const headers = { 'X-User-Id': 'alice' }
      expect([await it.addressOf(headers), await it.addressOf(headers)]).toEqual([undefined, undefined])
      expect((await it.say(headers)).headers['x-cache']).toBe('BYPASS')
    })

    it('that a guarded route made: the address is told to members, and nobody else can find it', async () => {
      const front: RequestHandler = (req, res, next) =>
        req.headers['x-member'] === 'yes' ? next() : void res.status(403).end()
      const it = await house(express, { front, options: {} })
      expect((await it.say()).status).toBe(403)
      const address = await it.addressOf({ 'X-Member': 'yes' })
      const [folder, digest] = parts(address!)
      for (const guess of [`${folder}/${digest}.wav`, `${folder}/${digest}-${'A'.repeat(43)}.wav`]) {
        expect(await isPlayed(it, `/audio/${guess}`)).toBe(false)
      }
      expect(await isPlayed(it, address!)).toBe(true)
    })
  })

  describe('a stranger cannot have a page or a script come from the audio router', () => {
    it.each<[string, (res: Response) => unknown]>([
      ['a page', res => res.type('text/html').send('<script>alert(1)</script>')],
      ['a drawing', res => res.type('image/svg+xml').send('<svg onload="alert(1)"/>')],
      ['JSON', res => res.json({ audio: 'no' })],
      ['a script', res => res.type('text/javascript').send('alert(1)')],
      ['a page that says it is audio', res => res.type('audio/mpeg').send('<script>alert(1)</script>')],
      ['a page that says it is audio nobody knows', res => res.type('audio/x-page').send('<script>alert(1)</script>')],
      ['JSON that says it is audio', res => res.type('audio/wav').send('{"a":1}')],
      ['bytes of no type', res => res.type('application/octet-stream').send(wave)],
      ['what is encoded', res => res.set('Content-Encoding', 'gzip').type('audio/wav').send(wave)],
      ['a page in two types', res => res.set('Content-Type', 'text/html; a=audio/wav').send(wave)],
      ['a type of the prototype', res => res.set('Content-Type', 'constructor').send(wave)],
      ['nothing', res => res.type('audio/wav').end()],
      ['what was not found', res => res.status(404).type('audio/wav').set('Cache-Control', 'max-age=60').send(wave)],
    ])('(%s): it has no address, or is not played', async (_name, handler) => {
      const it = await house(express, { handler })
      for (let n = 0; n < 2; n++) {
        const address = await it.addressOf()
        if (address !== undefined) expect(await isPlayed(it, address)).toBe(false)
      }
    })

    it('and what is played says so in every form', async () => {
      const it = await house(express, {
        handler: res =>
          speak(res.set({ 'X-Content-Type-Options': 'sniff', 'Content-Security-Policy': 'default-src *' })),
      })
      const { etag, 'content-location': address } = (await it.say()).headers
      const forms: [string, Record<string, string>, number][] = [
        ['GET', {}, 200],
        ['HEAD', {}, 200],
        ['GET', { Range: 'bytes=0-9' }, 206],
        ['GET', { Range: 'bytes=99999-' }, 416],
        ['GET', { 'If-None-Match': etag! }, 304],
      ]
      for (const [method, headers, status] of forms) {
        const answer = await ask(it.server, address!, { method, headers })
        expect([method, answer.status, answer.headers['x-content-type-options']]).toEqual([method, status, 'nosniff'])
        expect(answer.headers['content-security-policy']).toBe("default-src 'none'; media-src 'self'")
      }
    })
  })

  it.each(['development', 'production'])('a stranger cannot read the URL of whoever made it (%s)', async mode => {
    const before = process.env['NODE_ENV']
    process.env['NODE_ENV'] = mode
    const cache = testCache()
    process.env['NODE_ENV'] = before
    const app = express()
      .use(express.json())
      .post('/tts', cache.cacheTts(), (_req, res) => void speak(res))
      .use('/audio', cache.audioRouter())
    const server = await serve(app)
    const made = await postJson(server, '/tts?token=secret', { text: 'Hello' })
    expect(String(made.headers['cache-status']).includes('secret')).toBe(mode === 'development')
    for (const method of ['GET', 'HEAD']) {
      const { lines } = await ask(server, made.headers['content-location']!, { method })
      expect(lines.flat().join('\n')).not.toMatch(/secret|key=|\/tts/)
    }
  })

  describe('with files', () => {
    const root = mkdtempSync(join(tmpdir(), 'reelcache-audio-'))
    afterAll(() => rmSync(root, { recursive: true, force: true }))
    let count = 0
    const directory = (): string => join(root, `${_version.at(-1)}-${count++}`, 'tts')
    const inFiles = (cacheDir: string): Promise<House> =>
      house(express, { options: { tts: { cacheDir, fileMinFreeBytes: 0 } } })
    const secretOf = (dir: string): string => join(dir, '.audio-secret')

    it('an address outlives the process, and another process that shares the directory plays it', async () => {
      const dir = directory()
      const [one, two] = [await inFiles(dir), await inFiles(dir)]
      const address = (await one.addressOf())!
      await until('the entry is in files', () =>
        readdirSync(dir, { recursive: true, encoding: 'utf8' }).some(name => name.endsWith('.meta')),
      )
      expect([await isPlayed(one, address), await isPlayed(two, address)]).toEqual([true, true])
      expect(await two.addressOf()).toBe(address)
    })

    it('the secret is one file that nobody else may read, and is written whole', async () => {
      const dir = directory()
      await inFiles(dir)
      expect(statSync(secretOf(dir)).mode & 0o777).toBe(0o600)
      expect(readFileSync(secretOf(dir), 'latin1')).toMatch(/^[0-9a-f]{64}\n$/)
      expect(readdirSync(dir).filter(name => name.endsWith('.tmp'))).toEqual([])
    })

    it.each<[string, (path: string) => void]>([
      ['is empty', path => writeFileSync(path, '')],
      ['is half a secret', path => writeFileSync(path, 'ab'.repeat(20))],
      ['is longer', path => writeFileSync(path, 'ab'.repeat(200))],
      ['others may read', path => chmodSync(path, 0o644)],
      [
        'is a link',
        path => (
          rmSync(path),
          writeFileSync(`${path}-2`, `${'ab'.repeat(32)}\n`, { mode: 0o600 }),
          symlinkSync(`${path}-2`, path)
        ),
      ],
    ])('a stranger cannot go on with a secret that %s: another takes its place', async (_name, spoil) => {
      const dir = directory()
      const before = (await (await inFiles(dir)).addressOf())!
      spoil(secretOf(dir))
      const after = await inFiles(dir)
      expect(await isPlayed(after, before)).toBe(false)
      const address = (await after.addressOf())!
      expect([address === before, await isPlayed(after, address)]).toEqual([false, true])
      expect(readFileSync(secretOf(dir), 'latin1')).toMatch(/^[0-9a-f]{64}\n$/)
      expect(statSync(secretOf(dir)).mode & 0o777).toBe(0o600)
    })

    it('a directory that cannot be used costs no address: the process has a secret of its own', async () => {
      const it = await inFiles('/proc/reelcache/tts')
      expect(await isPlayed(it, (await it.addressOf())!)).toBe(true)
    })
  })
})
