/** Clients that read nothing make the cache hold no more than it may. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { startChild, type Child } from '../support/child.js'
import { ask } from '../support/client.js'
import { until } from '../support/until.js'

const MiB = 1024 * 1024
const KEYS = 40
/** What is stored, and as much again for what is made and read. */
const MOST = 2 * 64 * MiB

const open = new Set<Socket>()
afterEach(() => {
  for (const socket of open) socket.destroy()
  open.clear()
})

/** A client that sends its request and reads no more than the beginning of the answer. */
async function idle(child: Child, path: string, fields = ''): Promise<void> {
  const socket = connect(child.port, '127.0.0.1')
  open.add(socket)
  socket.on('error', () => undefined)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: movies.example\r\n${fields}\r\n`)
  await once(socket, 'readable')
}

async function held(child: Child): Promise<number> {
  const { arrayBuffers } = (await child.tell('measure')) as { arrayBuffers: number }
  return arrayBuffers
}

/** What is held once nothing moves any more. */
async function heldAtRest(child: Child): Promise<number> {
  const seen = [0, 0]
  await until('nothing moves any more', async () => {
    seen.unshift(await held(child))
    return seen[0] === seen[1] && seen[0] === seen[2]
  })
  return seen[0]!
}

const numbers = Array.from({ length: KEYS }, (_, n) => n)
const both = async (child: Child, path: string): Promise<void> => {
  await idle(child, path)
  await idle(child, path)
}

/** What strangers do with each key. */
const ways: [what: string, way: (child: Child, path: string) => Promise<void>][] = [
  ['two connections that read nothing', both],
  [
    'one that reads nothing, and one that reads all',
    async (child, path) => {
      await idle(child, path)
      await ask(child, path)
    },
  ],
  [
    'one that asks for a part and reads nothing',
    async (child, path) => {
      await idle(child, path)
      await idle(child, path, 'Range: bytes=1-\r\n')
    },
  ],
  ['one whose condition holds the answer back', (child, path) => idle(child, path, 'If-None-Match: "x"\r\n')],
  [
    'one that reads nothing of what is stored',
    async (child, path) => {
      await ask(child, path)
      await idle(child, path)
    },
  ],
]

describe.each([
  ['Express 5', '5'],
  ['Express 4', '4'],
])('on %s', (_version, version) => {
  const start = (): Promise<Child> =>
    startChild(join(__dirname, 'idle-server.mjs'), [version], ['--expose-gc', '--max-semi-space-size=16'])

  it.each(ways)(
    'a stranger cannot fill the memory by %s',
    async (_what, way) => {
      const child = await start()
      const before = await held(child)
      for (const n of numbers) await way(child, `/api/pipe/${n}`)
      expect(await heldAtRest(child)).toBeLessThan(before + MOST + 32 * MiB)
    },
    60_000,
  )

  it.each(['/api/drain', '/api/file', '/ai/pipe'])(
    'nor of %s',
    async path => {
      const child = await start()
      const before = await held(child)
      for (const n of numbers) await both(child, `${path}/${n}`)
      expect(await heldAtRest(child)).toBeLessThan(before + MOST + 32 * MiB)
    },
    60_000,
  )

  it('and without the cache the same clients hold less (control)', async () => {
    const child = await start()
    const before = await held(child)
    for (const n of numbers) await both(child, `/plain/pipe/${n}`)
    expect(await heldAtRest(child)).toBeLessThan(before + 64 * MiB)
  }, 60_000)

  it('others are cached meanwhile, small answers and large ones', async () => {
    const child = await start()
    for (const n of numbers) await both(child, `/api/pipe/${n}`)
    await ask(child, '/small')
    expect((await ask(child, '/small')).headers['x-cache']).toBe('HIT')
  }, 60_000)
})
