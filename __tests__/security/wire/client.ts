import { connect, type Socket } from 'node:net'
import { seeded, type Random } from '../../support/random.js'
import { judge, type Question, type Received, type Tally } from './judge.js'

export interface Routes {
  readonly fronts: readonly string[]
  readonly ways: readonly string[]
}

/** Milliseconds that a client waits for all its answers. */
const LONGEST = 20_000

/** How a client treats its connection. */
const manners = [
  'reads',
  'reads',
  'reads',
  'reads in turn',
  'is slow',
  'never reads',
  'resets',
  'leaves half-way',
] as const
const factories = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts']

/** One connection of one user, who does what clients do; whatever arrives on it is held against what may. */
export async function visit(port: number, id: number, seed: number, routes: Routes, tally: Tally): Promise<void> {
  const [user, random] = [`u${id}`, seeded(seed + id)]
  // Those who come at the same time want much the same.
  const hot = routeOf(seeded(seed + Math.floor(id / 30)), routes)
  const questions = random.some(6, () => question(user, random.chance(0.5) ? hot : routeOf(random, routes), random))
  const received = await conversation(port, questions, random)
  tally.connections++
  judge(received, questions, user, tally)
}

interface Route {
  readonly front: string
  readonly factory: string
  readonly way: string
}

const routeOf = (random: Random, { fronts, ways }: Routes): Route => ({
  front: random.pick(fronts),
  factory: random.pick(factories),
  way: random.pick(ways),
})

function question(user: string, { front, factory, way }: Route, random: Random): Question {
  const method = random.pick(['GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'POST', 'HEAD'])
  // What the cache takes out of the URL is in no text.
  const path = `/${front}/${factory}/${way}/${random.chance(0.2) ? 1 : 0}${random.chance(0.1) ? '?page=1' : ''}`
  const campaign = random.chance(0.1) ? `${path.includes('?') ? '&' : '?'}utm_source=${user}` : ''
  const fields = [`Host: wire.example`, `X-User: ${user}`]
  if (random.chance(0.1)) fields.push(`Range: bytes=${random.below(300)}-${300 + random.below(9_000)}`)
  if (random.chance(0.1)) fields.push('If-None-Match: "of-the-handler"')
  if (random.chance(0.2)) fields.push('Accept-Encoding: gzip, br')
  if (random.chance(0.1)) fields.push(`Cookie: _ga=${user}`)
  if (random.chance(0.05)) fields.push(`Authorization: Bearer ${user}`)
  const body = method === 'POST' ? JSON.stringify({ page: random.below(2) }) : ''
  if (method === 'POST') fields.push('Content-Type: application/json', `Content-Length: ${body.length}`)
  const bytes = `${method} ${path}${campaign} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`
  return { method, paths: [path, path + campaign], way, isBeating: front === 'heartbeat', bytes }
}

/** Says what it says, in its manner, and resolves with all that came, once the connection is closed. */
function conversation(port: number, questions: readonly Question[], random: Random): Promise<Received> {
  const manner = random.pick(manners)
  const isPatient = manner.startsWith('reads') || manner === 'is slow'
  const texts = questions.map(({ bytes }, at) => (isPatient && at === questions.length - 1 ? closing(bytes) : bytes))
  const inTurn = manner === 'reads in turn' ? texts.splice(1) : []
  const text = texts.join('')
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => {
    chunks.push(chunk)
    if (manner === 'is slow') rested(socket, random.below(5))
    const next = inTurn.shift()
    if (next !== undefined) socket.write(next)
  })
  if (manner === 'leaves half-way') socket.write(text.slice(0, random.below(text.length + 1)))
  else socket.write(text)
  if (manner === 'never reads') socket.pause()
  if (questions.length === 0) socket.end()
  let isLate = false
  const leave = (): void => {
    isLate = isPatient
    // While it is being shut down a reset fails, and Node 20 never ends after that.
    if (manner === 'resets' && !socket.writableEnded) socket.resetAndDestroy()
    else socket.destroy()
  }
  const timer = setTimeout(leave, isPatient ? LONGEST : random.below(60))
  return new Promise(resolve => {
    const finish = (): void => {
      clearTimeout(timer)
      resolve({ bytes: Buffer.concat(chunks), isLate })
    }
    // A reset that fails tells of no close.
    socket.once('close', finish).on('error', finish)
  })
}

/** The server closes the connection after the last answer. */
const closing = (bytes: string): string => bytes.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')

function rested(socket: Socket, milliseconds: number): void {
  socket.pause()
  setTimeout(() => socket.resume(), milliseconds)
}
