import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A network between a client and a server that does what a test tells it. */
export interface RedisProxy {
  readonly port: number
  /** What clients have sent since the last `forget`: the words of each command, the first in upper case. */
  readonly commands: readonly (readonly string[])[]
  forget(): void
  /** Answers come so many milliseconds late. */
  delay(milliseconds: number): void
  /** Nothing comes through, either way, and nobody is told; or so for connections alone that have sent this command. */
  silence(command?: string): void
  /** No connection stays, and none is made. */
  refuse(): void
  /** All connections break now; new ones are made. */
  cut(): void
  /** All as it should be; what was held back by a silence comes now. */
  heal(): void
  /** Refuses and heals in turn, each for so long, until it is told otherwise; counts the turns. */
  flap(milliseconds: number): { readonly turns: number }
}

interface Line {
  readonly client: Socket
  readonly server: Socket
  /** The commands that have been sent on it. */
  readonly sent: Set<string>
}

const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  await Promise.all(closing.splice(0).map(close => close()))
})

export async function startProxy(target: number): Promise<RedisProxy> {
  const lines = new Set<Line>()
  const held: (() => void)[] = []
  let commands: string[][] = []
  let lateness = 0
  let state: 'open' | 'silent' | 'shut' = 'open'
  let silenced: string | undefined
  let flapping: NodeJS.Timeout | undefined

  const isSilent = ({ sent }: Line): boolean => state === 'silent' && (silenced === undefined || sent.has(silenced))
  const pass = (line: Line, to: Socket, chunk: Buffer): void => {
    const write = (): void => {
      if (!to.destroyed) to.write(chunk)
    }
    if (isSilent(line)) held.push(write)
    else write()
  }
  const cut = (): void => {
    for (const { client, server } of lines) {
      client.resetAndDestroy()
      server.destroy()
    }
  }
  const listener = createServer(client => {
    if (state === 'shut') return void client.resetAndDestroy()
    const line: Line = { client, server: connect(target, '127.0.0.1'), sent: new Set() }
    lines.add(line)
    const note = commandReader(words => {
      commands.push(words)
      line.sent.add(words[0]!)
    })
    client.on('data', chunk => {
      note(chunk)
      pass(line, line.server, chunk)
    })
    line.server.on('data', chunk => {
      if (lateness === 0) pass(line, client, chunk)
      else setTimeout(() => pass(line, client, chunk), lateness).unref()
    })
    for (const [socket, other] of [
      [client, line.server],
      [line.server, client],
    ] as const) {
      socket.setNoDelay().on('error', () => undefined)
      socket.on('close', () => {
        lines.delete(line)
        other.destroy()
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  const set = (next: typeof state): void => {
    state = next
    if (state === 'shut') cut()
    if (state === 'open') for (const write of held.splice(0)) write()
  }
  const settle = (next: typeof state, late = 0): void => {
    clearInterval(flapping)
    lateness = late
    set(next)
  }
  closing.push(async () => {
    settle('shut')
    listener.close()
    await once(listener, 'close')
  })
  return {
    port: (listener.address() as AddressInfo).port,
    get commands() {
      return commands
    },
    forget: () => void (commands = []),
    delay: milliseconds => settle('open', milliseconds),
    silence(command) {
      silenced = command
      settle('silent')
    },
    refuse: () => settle('shut'),
    cut,
    heal: () => settle('open'),
    flap(milliseconds) {
      const counter = { turns: 0 }
      settle('shut')
      flapping = setInterval(() => {
        counter.turns++
        set(state === 'shut' ? 'open' : 'shut')
      }, milliseconds)
      return counter
    },
  }
}

/** Reads commands as clients write them: arrays of bulk strings, in chunks that end anywhere. */
function commandReader(tell: (words: string[]) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return chunk => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const read = readCommand(rest)
      if (read === undefined) return
      tell(read.words)
      rest = rest.subarray(read.end)
    }
  }
}

function readCommand(bytes: Buffer): { words: string[]; end: number } | undefined {
  const words: string[] = []
  let at = 0
  const number = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const found = Number(bytes.toString('latin1', at + 1, end))
    at = end + 2
    return found
  }
  const count = number()
  if (count === undefined) return undefined
  for (let n = 0; n < count; n++) {
    const length = number()
    if (length === undefined || bytes.length < at + length + 2) return undefined
    words.push(bytes.toString('latin1', at, at + length))
    at += length + 2
  }
  if (words[0] !== undefined) words[0] = words[0].toUpperCase()
  return { words, end: at }
}
