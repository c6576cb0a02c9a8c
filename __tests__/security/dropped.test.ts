import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, type Child } from '../support/child.js'
import { answered, ask, open, type Answer } from '../support/client.js'
import { until } from '../support/until.js'

const versions = ['Express 5', 'Express 4']
const routes = ['cacheApi', 'cacheEnhanced', 'cacheAi', 'cacheTts']
const speech = `ID3 ${'Wake up, Neo. '.repeat(200)}`
/** How a handler ends, or fails to. */
const endings = ['json', 'no-store', 'pipe', 'async', 'leaves at once']
/** What middleware in front does with an answer that waits. */
const interventions = ['answers 503', 'sends a head', 'sends a beat', 'destroys it']

interface State {
  readonly waiting: number
  readonly running: number
  readonly calls: number
}

let dir: string
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'reelcache-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Ends at the first exception that nobody catches. */
async function started(version: string, route: string, { options = { lockTimeout: 20_000 }, tts = {} } = {}) {
  const settings = { version, route, options, tts: { fileCache: false, ...tts } }
  const script = join(__dirname, 'dropped-server.mjs')
  const child = await startChild(script, [JSON.stringify(settings)], ['--unhandled-rejections=strict'])
  const state = async () => (await child.tell('state')) as State
  const waiting = (count: number) => until(`${count} wait`, async () => (await state()).waiting === count)
  return { child, state, waiting }
}

/** A connection on which nothing is read: what is asked second gets no socket to be answered on. */
async function unread(child: Child, ...requests: string[]): Promise<Socket> {
  const socket = connect(child.port, '127.0.0.1').on('error', () => undefined)
  await once(socket, 'connect')
  socket.pause()
  socket.write(requests.join(''))
  return socket
}
const request = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`

/** Resolves once an answer has begun, or its connection has broken. */
const gone = (sent: ClientRequest): Promise<void> =>
  new Promise(resolve => {
    sent.on('error', () => undefined).once('close', () => resolve())
    sent.once('response', response => resolve(void response.on('error', () => undefined).resume()))
  })

const textOf = ({ status, body }: Answer): string => `${status} ${body.toString()}`
const inFiles = () => ({ tts: { cacheDir: dir, fileMinFreeBytes: 0, fileCache: true } })

describe.each(versions)('a stranger cannot end the process on %s:', version => {
  test.each(routes)('one whose answer is given in front waits behind %s, however the leader ends', async route => {
    const { child, state, waiting } = await started(version, route)
    for (const ending of endings) {
      await child.tell('again')
      const path = `/speech/${ending.replaceAll(' ', '%20')}`
      const leader = answered(open(child, path)).catch(() => 'reset')
      await until('the handler runs', async () => (await state()).running === 1)
      const sockets = await Promise.all(
        interventions.map((_, at) => unread(child, request('/big'), request(path, `X-Name: ${at}\r\n`))),
      )
      await waiting(interventions.length)
      const others = [ask(child, path), ask(child, path)]
      await waiting(interventions.length + 2)
      for (const [at, way] of interventions.entries()) await child.tell('answer', [String(at), way])
      await child.tell('go')
      const answers = await Promise.all(others)
      expect([ending, ...answers.map(textOf)]).toEqual([ending, `200 ${speech}`, `200 ${speech}`])
      await leader
      const { calls, ...flights } = await state()
      // Those whose head is out already are answered by the handler, as without the cache.
      const runs = ({ 'no-store': 3, 'leaves at once': 2 }[ending] ?? 1) + 2
      expect([ending, flights, calls]).toEqual([ending, { running: 0, waiting: 0 }, runs])
      for (const socket of sockets) socket.destroy()
    }
  })

  test.each(['cacheAi', 'cacheTts'])(
    'a leader that has left behind %s lands, and one that was answered waits',
    async route => {
      const { child, state, waiting } = await started(version, route)
      const leader = open(child, '/speech/pipe').on('error', () => undefined)
      await until('the handler runs', async () => (await state()).running === 1)
      const socket = await unread(child, request('/big'), request('/speech/pipe', 'X-Name: late\r\n'))
      const other = ask(child, '/speech/pipe')
      await waiting(2)
      leader.destroy()
      await child.tell('answer', ['late', 'answers 503'])
      await child.tell('go')
      expect(textOf(await other)).toBe(`200 ${speech}`)
      expect((await state()).calls).toBe(1)
      socket.destroy()
    },
  )

  test('middleware in front answers, or begins to, while a file is looked up', async () => {
    const { child, state } = await started(version, 'cacheTts', inFiles())
    await child.tell('go')
    for (const [at, intervention] of interventions.entries()) {
      const fields = { 'X-At-Once': intervention }
      const paths = ['json', 'pipe', 'json', 'pipe'].map(way => `/speech/${way}?round=${at}`)
      await Promise.all(paths.map(path => gone(open(child, path, { headers: fields }))))
      await until('nothing is under way', async () => (await state()).running === 0)
      // A control: the same without.
      expect(textOf(await ask(child, `/speech/json?round=${at}`))).toBe(`200 ${speech}`)
    }
    // Those that are half answered, and the control.
    expect((await state()).calls).toBe(interventions.length + 2 * 4)
  })

  test('middleware in front answers, or begins to, while the audio router reads a file', async () => {
    const before = await started(version, 'cacheTts', inFiles())
    await before.child.tell('go')
    const urls: string[] = []
    for (const at of interventions.keys()) {
      const { headers } = await ask(before.child, `/speech/json?round=${at}`, { method: 'POST' })
      urls.push(String(headers['content-location']))
    }
    // Not before the files are written.
    await before.child.tell('close')
    await before.child.leave()
    const { child } = await started(version, 'cacheTts', inFiles())
    for (const [at, intervention] of interventions.entries()) {
      await gone(open(child, urls[at]!, { headers: { 'X-At-Once': intervention } }))
      // A control: the same without.
      expect(textOf(await ask(child, urls[at]!))).toBe(`200 ${speech}`)
    }
  })

  test.each(routes)('what a method in front throws for one who waits behind %s is that one’s own', async route => {
    const { child, state, waiting } = await started(version, route)
    for (const method of ['setHeader', 'writeHead', 'end']) {
      await child.tell('again')
      const path = `/speech/async?method=${method}`
      const leader = ask(child, path)
      await until('the handler runs', async () => (await state()).running === 1)
      const failing = ask(child, path, { headers: { 'X-Throws': method } }).catch(() => undefined)
      await waiting(1)
      const others = [ask(child, path), ask(child, path)]
      await waiting(3)
      await child.tell('go')
      const answers = await Promise.all([leader, ...others])
      expect([method, ...answers.map(textOf)]).toEqual([method, ...answers.map(() => `200 ${speech}`)])
      const got = await failing
      if (got !== undefined) expect(textOf(got)).toBe(`500 ${method} fails in front`)
      expect((await state()).calls).toBe(1)
    }
  })

  test.each(routes)('what a response throws that reads along behind %s is its own', async route => {
    const { child, state, waiting } = await started(version, route)
    const leader = ask(child, '/speech/async')
    await until('the handler runs', async () => (await state()).running === 1)
    const failing = gone(open(child, '/speech/async', { headers: { 'X-Throws': 'write' } }))
    await waiting(1)
    const others = [ask(child, '/speech/async'), ask(child, '/speech/async')]
    await waiting(3)
    await child.tell('go')
    for (const answer of await Promise.all([leader, ...others])) expect(textOf(answer)).toBe(`200 ${speech}`)
    await failing
    expect(await state()).toMatchObject({ running: 0, waiting: 0, calls: 1 })
  })

  test('three thousand who want nothing but a stored answer give up one after the other', async () => {
    const { child, state } = await started(version, 'cacheTts', inFiles())
    const count = 3000
    const socket = connect(child.port, '127.0.0.1')
    socket.write(request('/speech/json', 'Cache-Control: only-if-cached\r\n').repeat(count - 1))
    socket.write(request('/speech/json', 'Cache-Control: only-if-cached\r\nConnection: close\r\n'))
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text.match(/HTTP\/1\.1 504/g)).toHaveLength(count)
    expect(await state()).toMatchObject({ running: 0, waiting: 0, calls: 0 })
  })
})
