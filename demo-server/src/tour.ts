/**
 * A tour in text: every route, a miss and then a hit; a restart; a purge. It starts a server of its own on a free port with
 * a directory of its own, and fails when an answer is not what it says.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start, type Running } from './start.js'

interface Stop {
  readonly name: string
  readonly path: string
  readonly body?: object
  readonly headers?: Record<string, string>
}

interface Answer {
  readonly status: number
  readonly outcome: string
  readonly milliseconds: number
  readonly digest: string
  readonly bytes: number
  readonly audio: string | null
}

const FILM = 'the-dark-knight-2008'
const movie = `/api/movies/${FILM}`
const speech: Stop = { name: 'the film, described aloud', path: `${movie}/tts`, body: { voice: 'fable' } }
const facts: Stop = { name: 'facts', path: movie }
const clientKey = { Authorization: 'Bearer any-key' }

const ROUTES: readonly Stop[] = [
  { name: 'search', path: '/api/movies?q=dark+knight' },
  facts,
  { name: 'percentiles and similar films', path: `${movie}/enhanced` },
  { name: 'a question, streamed', path: `${movie}/ai`, body: { question: 'Was it a success?' } },
  speech,
  {
    name: 'chat, as an OpenAI client asks for it',
    path: '/v1/chat/completions',
    headers: clientKey,
    body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Who directed Pulp Fiction?' }] },
  },
  {
    name: 'speech, as an OpenAI client asks for it',
    path: '/v1/audio/speech',
    headers: clientKey,
    body: { model: 'tts-1', voice: 'nova', input: 'And now, the second showing.' },
  },
]

const cacheDir = await mkdtemp(join(tmpdir(), 'reelcache-tour-'))
let server = await open(0)
try {
  await tour()
  console.log('\nAll as said.')
} catch (error) {
  console.error(`\nNot as said: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await server.close()
  await rm(cacheDir, { recursive: true })
}

async function tour(): Promise<void> {
  console.log(`A movie app at ${server.url}, speech in ${cacheDir}`)

  say('Each route twice: the handler works once, and the second answer has the same bytes')
  const spoken = new Map<Stop, Answer>()
  for (const stop of ROUTES) {
    console.log(`\n  ${stop.name}`)
    const miss = await visit(stop, 'MISS')
    const hit = await visit(stop, 'HIT')
    check(hit.digest === miss.digest, 'the hit has the bytes of the miss')
    spoken.set(stop, hit)
  }

  say('Two listeners at once, something nobody has asked for: the second joins the first')
  const wish = { ...speech, body: { voice: 'shimmer' } }
  const both = await Promise.all([ask(wish), ask(wish)])
  for (const answer of both) print(wish, answer)
  const outcomes = both.map(({ outcome }) => outcome).sort()
  check(outcomes.join() === 'JOINED,MISS', 'one is a miss and one has joined it')
  check(both[0].digest === both[1].digest, 'both have the same bytes')

  say('A player gets by GET what the POST made, in the pieces it wants')
  await hear(spoken.get(speech)!)

  say('The server stops and starts again: memory is gone, speech is not')
  const { port } = new URL(server.url)
  await server.close()
  server = await open(Number(port))
  await visit(facts, 'MISS')
  const again = await visit(speech, 'HIT')
  check(again.digest === spoken.get(speech)!.digest, 'the speech has the bytes it had before')
  await hear(again)

  say(`cache.purge({ movie: '${FILM}' }): everything about one film, in memory and in files`)
  await server.cache.purge({ movie: FILM })
  await visit(facts, 'MISS')
  await visit(speech, 'MISS')
}

function open(port: number): Promise<Running> {
  return start({ host: '127.0.0.1', port, cacheDir })
}

async function visit(stop: Stop, expected: string): Promise<Answer> {
  const answer = await ask(stop)
  print(stop, answer)
  check(answer.status === 200 && answer.outcome === expected, `${stop.path} is a ${expected}`)
  return answer
}

async function ask({ path, body, headers }: Stop): Promise<Answer> {
  const begin = performance.now()
  const response = await fetch(server.url + path, {
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJoined = response.headers.get('Cache-Status')?.includes('; collapsed') ?? false
  return {
    status: response.status,
    outcome: isJoined ? 'JOINED' : (response.headers.get('X-Cache') ?? 'none'),
    milliseconds: performance.now() - begin,
    digest: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    audio: response.headers.get('Content-Location'),
  }
}

async function hear({ audio, bytes }: Answer): Promise<void> {
  check(audio !== null, 'Content-Location says where')
  const middle = Math.floor(bytes / 2)
  const response = await fetch(server.url + audio!, { headers: { Range: `bytes=${middle}-${middle + 99}` } })
  const range = response.headers.get('Content-Range')
  console.log(`  GET  ${audio!.slice(0, 44)}…  ${response.status}  ${range}`)
  check(response.status === 206 && range === `bytes ${middle}-${middle + 99}/${bytes}`, 'a range is answered with 206')
  check((await response.arrayBuffer()).byteLength === 100, 'the range has the bytes asked for')
}

function print({ path, body }: Stop, { outcome, milliseconds, bytes }: Answer): void {
  const time = `${milliseconds.toFixed(1)} ms`.padStart(10)
  const size = `${bytes.toLocaleString('en-US')} bytes`.padStart(16)
  console.log(`  ${(body ? 'POST' : 'GET').padEnd(4)} ${path.padEnd(42)} ${outcome.padEnd(6)} ${time} ${size}`)
}

function say(text: string): void {
  console.log(`\n${text}`)
}

function check(isSo: boolean, claim: string): void {
  if (!isSo) throw new Error(claim)
}
