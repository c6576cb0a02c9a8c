import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express, { type RequestHandler } from 'express'
import { Progress } from '../../lib/ops/cli/progress.js'
import type { WarmProgress } from '../../lib/index.js'
import { testCache, type Cache } from '../support/cache.js'
import { ask, postJson } from '../support/client.js'
import { counted, errorPage, type CountedHandler } from '../support/express.js'
import { arrivals, type Arrivals } from '../support/gate.js'
import { serve, type Served } from '../support/server.js'

const command = join(__dirname, '../../dist/esm/cli.js')
const { version } = jest.requireActual<{ version: string }>('../../package.json')

const home = mkdtempSync(join(tmpdir(), 'reelcache-cli-'))
const running = new Set<ChildProcess>()
afterEach(() => running.forEach(child => child.kill('SIGKILL')))
afterAll(() => rmSync(home, { recursive: true }))

let files = 0
function file(...lines: string[]): string {
  const path = join(home, `requests-${files++}.txt`)
  writeFileSync(path, lines.join('\n'))
  return path
}

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly error: string
}

interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** Runs the command as a shell would, with what is piped into it. */
function start(args: readonly string[], input?: string, path = command): Started {
  const child = spawn(process.execPath, [path, ...args], { stdio: 'pipe' })
  running.add(child)
  if (input !== undefined) child.stdin.end(input)
  const texts = [child.stdout, child.stderr].map(async stream => {
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk)
    return text
  })
  const ended = once(child, 'close').then(async ([code, signal]): Promise<Ended> => {
    running.delete(child)
    const [out, error] = (await Promise.all(texts)) as [string, string]
    return { code, signal, out, error }
  })
  return { child, ended }
}

const reelcache = (args: readonly string[], input?: string): Promise<Ended> => start(args, input).ended

interface MovieServer {
  readonly served: Served
  readonly cache: Cache
  readonly handler: CountedHandler
  readonly inside: Arrivals
}

async function movieServer(answer: RequestHandler): Promise<MovieServer> {
  const cache = testCache()
  const handler = counted((req, res, _run, next) => answer(req, res, next))
  const inside = arrivals()
  const app = express()
  app.use(express.json(), inside.middleware)
  app.all('/api/movies/:movieId', cache.cacheApi({ vary: ['accept-language'] }), handler)
  app.use(errorPage)
  return { served: await serve(app), cache, handler, inside }
}

const answer: RequestHandler = (req, res) => void res.json({ url: req.url, asked: req.body })

describe('reelcache warm', () => {
  it.each(['a file', 'standard input', 'a file called -'])('asks a server for what stands in %s', async source => {
    const { served, handler } = await movieServer(answer)
    const lines = [
      ...['# two movies', '', '/api/movies/603', `  ${served.url}/api/movies/604  `],
      JSON.stringify({ url: '/api/movies/605', body: { question: 'Why?' } }),
      JSON.stringify({ url: '/api/movies/603', headers: { 'Accept-Language': 'de' } }),
    ]
    const base = ['warm', '--base', served.url]
    const ended =
      source === 'a file'
        ? await reelcache([...base, file(...lines)])
        : await reelcache(source === 'standard input' ? base : [...base, '-'], lines.join('\r\n'))
    expect(ended).toEqual({
      ...{ code: 0, signal: null, error: '' },
      out: expect.stringMatching(/^4 requests in \d+\.\d s\n {2}warmed {3}4\n {2}failed {3}0\n$/),
    })
    const answers = [
      await ask(served, '/api/movies/603'),
      await ask(served, '/api/movies/604'),
      await postJson(served, '/api/movies/605', { question: 'Why?' }),
      await ask(served, '/api/movies/603', { headers: { 'Accept-Language': 'de' } }),
    ]
    expect(answers.map(({ headers }) => headers['x-cache'])).toEqual(['HIT', 'HIT', 'HIT', 'HIT'])
    expect(handler.calls).toBe(4)
  })

  it('says what was fresh and what was refused, and that this is no failure', async () => {
    const { served } = await movieServer((req, res) => {
      if (req.params['movieId'] === '604') res.status(404)
      if (req.params['movieId'] === '605') res.cookie('sid', '1')
      res.json({})
    })
    await ask(served, '/api/movies/603')
    const { code, out } = await reelcache(
      ['warm', '--base', served.url],
      '/api/movies/603\n/api/movies/604\n/api/movies/605\n/api/movies/606',
    )
    expect(out.replace(/ in .*/, '')).toBe(
      '4 requests\n  warmed   1\n  fresh    1\n  refused  2  set-cookie 1, status 1\n  failed   0\n',
    )
    expect(code).toBe(0)
  })

  it('ends with 1 when something failed, names it, and goes on', async () => {
    const { served } = await movieServer((req, res) => {
      if (req.params['movieId'] === '604') res.status(500)
      if (req.params['movieId'] === '605') res.destroy()
      else res.json({})
    })
    const lines = ['/api/movies/604', '/api/movies/605', '/nowhere', 'movies/606', '{"url": ', '/api/movies/603']
    const { code, out, error } = await reelcache(['warm', '--base', served.url, '--concurrency', '1'], lines.join('\n'))
    expect(error.trimEnd().split('\n')).toEqual([
      'failed: /api/movies/604: status 500',
      'failed: /api/movies/605: socket hang up',
      'failed: /nowhere: status 404',
      'failed: movies/606: the url is neither a path (/api/movies/603) nor an address (https://…)',
      'failed: {"url":: the url is neither a path (/api/movies/603) nor an address (https://…)',
    ])
    expect(out).toMatch(/^6 requests .*\n {2}warmed {3}1\n {2}failed {3}5\n$/)
    expect(code).toBe(1)
  })

  it('ends with 1 where there is no server', async () => {
    const { served } = await movieServer(answer)
    await served.close()
    const { code, error } = await reelcache(['warm', '--base', served.url], '/api/movies/603')
    expect(error).toMatch(/^failed: \/api\/movies\/603: connect ECONNREFUSED/)
    expect(code).toBe(1)
  })

  it.each([
    ['from the start', 0],
    ['after some answers', 5],
  ])('ends soon, and says so in few lines, where nothing answers %s', async (_, answered) => {
    const { served } = await movieServer((req, res, next) => {
      if (Number(req.params['movieId']) === answered - 1) res.once('finish', () => void served.close())
      answer(req, res, next)
    })
    if (answered === 0) await served.close()
    const lines = Array.from({ length: 1_500 }, (__, n) => `/api/movies/${n}`)
    const { code, out, error } = await reelcache(['warm', '--base', served.url, '--concurrency', '1'], lines.join('\n'))
    const shown = error.trimEnd().split('\n')
    expect(shown.length).toBeLessThan(12)
    expect(shown.at(-1)).toMatch(
      /^reelcache: Nothing answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): is the server/,
    )
    expect(shown).toContainEqual(expect.stringMatching(/^failed: 1[6-8] more: connect ECONNREFUSED/))
    expect(out).toMatch(/ended early/)
    expect(code).toBe(1)
  })

  it('shows equal failures three times, and counts the rest', async () => {
    const { served } = await movieServer((req, res) => {
      res.status(Number(req.params['movieId']) % 2 === 0 ? 500 : 503).json({})
    })
    const lines = Array.from({ length: 200 }, (_, n) => `/api/movies/${n}`)
    const { error } = await reelcache(['warm', '--base', served.url], lines.join('\n'))
    expect(error.trimEnd().split('\n').slice(-2).sort()).toEqual([
      'failed: 97 more: status 500',
      'failed: 97 more: status 503',
    ])
    expect(error.split('\n')).toHaveLength(3 + 3 + 2 + 1)
  })

  it('says that the list is longer than the cache can hold, and nothing where it is not', async () => {
    const { served } = await movieServer(answer)
    const warm = (count: number, from = 0): Promise<Ended> =>
      reelcache(
        ['warm', '--base', served.url],
        Array.from({ length: count }, (_, n) => `/api/movies/${from + n}`).join('\n'),
      )
    expect(await warm(90)).toMatchObject({ code: 0, error: '' })
    const { code, out, error } = await warm(300, 1_000)
    expect(out).toMatch(/warmed {3}300/)
    expect(error).toMatch(
      /reelcache: Of 32 stored answers that were asked for again \d+ were still there: the list is longer/,
    )
    expect(code).toBe(0)
  })

  it('fails a request that is not answered in time', async () => {
    const { served } = await movieServer(() => undefined)
    const { code, error } = await reelcache(['warm', '--base', served.url, '--timeout', '50'], '/api/movies/603')
    expect(error).toBe('failed: /api/movies/603: no answer within 50 ms\n')
    expect(code).toBe(1)
  })

  it('sends the headers it is given, and so warms a host that clients know by another name', async () => {
    const { served, cache } = await movieServer(answer)
    const keys: string[] = []
    cache.on('event', event => {
      if (event.type === 'stored') keys.push(event.key)
    })
    const headers = ['--header', 'Host: movies.example', '--header', 'Accept-Language: de']
    expect(await reelcache(['warm', '--base', served.url, ...headers], '/api/movies/603')).toMatchObject({ code: 0 })
    expect(keys).toEqual([expect.stringMatching(/^api 603 GET http:\/\/movies\.example \/api\/movies\/603 .*de/)])
  })

  it('prints the report as JSON', async () => {
    const { served } = await movieServer(answer)
    const { out } = await reelcache(['warm', '--json', '--base', served.url], '/api/movies/603\n/nowhere')
    expect(JSON.parse(out)).toEqual({
      ...{ done: 2, warmed: 1, fresh: 0, stale: 0, refused: {}, uncached: 0, failed: 1, aborted: false },
      ...{ failures: [{ request: '/nowhere', reason: 'status 404' }], milliseconds: expect.any(Number) },
    })
  })

  it.each<[string, string[], RegExp]>([
    ['an option that does not exist', ['warm', '--speed', '1'], /Unknown option '--speed'/],
    ['an option without its value', ['warm', '--rate'], /--rate/],
    ['a rate that is no number', ['warm', '--rate', 'fast'], /warm\.rate is NaN: write a number/],
    ['no concurrency', ['warm', '--concurrency', '0'], /warm\.concurrency is 0/],
    ['a base that is no address', ['warm', '--base', 'localhost'], /warm\.base is "localhost"/],
    ['a header without a colon', ['warm', '--header', 'X-Warm'], /--header is "X-Warm": write/],
    ['a file that is not there', ['warm', join(home, 'nothing')], /ENOENT/],
    ['two files', ['warm', 'one', 'two'], /One file/],
    ['another command', ['cool'], /no command cool/],
  ])('ends with 2 and says why for %s', async (_, args, message) => {
    const { code, out, error } = await reelcache(args, '')
    expect([code, out]).toEqual([2, ''])
    expect(error).toMatch(message)
  })

  it.each([['--help'], ['warm', '--help'], ['-h']])('prints help: %s', async (...args) => {
    expect(await reelcache(args)).toMatchObject({
      code: 0,
      error: '',
      out: expect.stringContaining('reelcache warm ['),
    })
  })

  it('prints its version, also where it is called through a link', async () => {
    const link = join(home, 'reelcache')
    symlinkSync(command, link)
    for (const path of [command, link]) {
      expect(await start(['--version'], '', path).ended).toMatchObject({ code: 0, out: `${version}\n`, error: '' })
    }
  })

  it('takes an input without end, until Ctrl-C', async () => {
    const { served, inside } = await movieServer(answer)
    const { child, ended } = start(['warm', '--base', served.url])
    let line = 0
    const feed = (): void => {
      while (child.stdin!.write(`/api/movies/${line++}\n`));
    }
    child.stdin!.on('drain', feed).on('error', () => undefined)
    feed()
    await inside.reached(50)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, signal: null })
  })
})

describe('Ctrl-C', () => {
  it('breaks off what is under way, prints the report and ends with 130', async () => {
    const { served, inside, handler } = await movieServer((req, res) => {
      if (req.params['movieId'] === '603') res.json({})
    })
    const lines = ['603', '604', '605', '606'].map(movie => `/api/movies/${movie}`)
    const { child, ended } = start(['warm', '--base', served.url, '--concurrency', '2', file(...lines)])
    await inside.reached(3)
    child.kill('SIGINT')
    const { code, signal, out } = await ended
    expect([code, signal]).toEqual([130, null])
    expect(out).toMatch(/^1 requests in .*, ended early\n {2}warmed {3}1\n {2}failed {3}0\n$/)
    expect(handler.calls).toBe(3)
  })

  it('ends the wait for standard input', async () => {
    const { served, inside } = await movieServer(answer)
    const { child, ended } = start(['warm', '--base', served.url])
    child.stdin!.write('/api/movies/603\n')
    await inside.reached(1)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, signal: null })
  })
})

describe('the progress', () => {
  const progress = (done: number, failed = 0): WarmProgress => ({
    ...{ done, warmed: done - failed, fresh: 0, stale: 0, refused: {}, uncached: 0, failed },
    ...{ request: '/api/movies/603', outcome: failed > 0 ? 'failed' : 'warmed', reason: 'status 500' },
  })

  function shown(
    isTTY: boolean,
    share: () => number | undefined,
    steps: [at: number, progress: WarmProgress][],
  ): string {
    let now = 0
    let text = ''
    const screen = { isTTY, columns: 80, write: (more: string) => (text += more) }
    const it = new Progress(screen, share, () => now)
    for (const [at, step] of steps) {
      now = at
      it.show(step)
    }
    it.end()
    return text
  }

  it('is a bar that moves on a terminal, and goes away', () => {
    const text = shown(true, () => 0.5, [
      [100, progress(10)],
      [150, progress(11)],
      [200, progress(20)],
    ])
    expect(text).toBe(
      [
        '[████████████░░░░░░░░░░░░] 10 done, 10 warmed, 0 fresh, 0 failed, 100/s',
        '[████████████░░░░░░░░░░░░] 20 done, 20 warmed, 0 fresh, 0 failed, 100/s',
        '',
      ]
        .map(line => `\r\x1b[2K${line}`)
        .join(''),
    )
  })

  it('has no bar where nobody knows how much will come', () => {
    expect(shown(true, () => undefined, [[1_000, progress(1_500)]])).toBe(
      '\r\x1b[2K1,500 done, 1,500 warmed, 0 fresh, 0 failed, 1,500/s\r\x1b[2K',
    )
  })

  it('is a plain line now and then elsewhere, and one for what fails', () => {
    const text = shown(false, () => 0.5, [
      [1_000, progress(10)],
      [2_000, progress(11, 1)],
      [5_000, progress(50)],
      [6_000, progress(60)],
    ])
    expect(text).toBe('failed: /api/movies/603: status 500\n50 done, 50 warmed, 0 fresh, 0 failed, 10/s\n')
  })
})
