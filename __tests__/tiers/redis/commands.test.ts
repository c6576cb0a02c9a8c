import type { Command, Connection } from '../../../lib/tiers/redis/client.js'
import { Commands, NoReply, NotSent } from '../../../lib/tiers/redis/commands.js'
import { holdTimeouts } from '../../support/timers.js'

const TIMEOUT = 50
const get: Command = { name: 'GET', key: 'a' }
const probe: Command = { name: 'EXISTS', key: 'p' }

/** Lets promises and the event loop go on. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
}

interface Sent {
  readonly name: string
  readonly reply: (value: unknown) => void
  readonly fail: (error: Error) => void
}

/** A connection on which the test replies. */
function setUp() {
  const sent: Sent[] = []
  let renewals = 0
  let returns = 0
  const connection: Connection = {
    opened: Promise.resolve(),
    send: ({ name }) => new Promise((reply, fail) => sent.push({ name, reply, fail })),
    renew() {
      renewals++
    },
    close: () => undefined,
  }
  const commands = new Commands({ connection, timeout: TIMEOUT, probe, onBack: () => (returns += 1) })
  const ask = (command = get): Promise<unknown> => commands.send(command).catch((error: unknown) => error)
  /** A command that is not answered. */
  const fallSilent = async (): Promise<void> => {
    const asked = ask()
    jest.advanceTimersByTime(TIMEOUT)
    expect(await asked).toBeInstanceOf(NoReply)
  }
  return {
    ...{ commands, sent, ask, fallSilent },
    get renewals() {
      return renewals
    },
    get returns() {
      return returns
    },
    names: () => sent.map(({ name }) => name),
  }
}

const waitFor = async (milliseconds: number): Promise<void> => {
  jest.advanceTimersByTime(milliseconds)
  await turns()
}

describe('a command', () => {
  beforeEach(holdTimeouts)

  it('is given its reply', async () => {
    const { ask, sent } = setUp()
    const asked = ask()
    sent[0]!.reply('value')
    expect(await asked).toBe('value')
  })

  it('is given a reply that came while the loop was held until after its deadline', async () => {
    const { commands, ask, sent } = setUp()
    const asked = ask()
    // The timer comes first, and the reply is read in the same turn of the loop.
    jest.advanceTimersByTime(TIMEOUT)
    sent[0]!.reply('value')
    expect(await asked).toBe('value')
    expect(commands.isOpen).toBe(false)
  })

  it('that is not answered in time opens the breaker, and a reply that comes later is dropped', async () => {
    const { commands, ask, sent, fallSilent } = setUp()
    await fallSilent()
    sent[0]!.reply('too late')
    await turns()
    expect(commands.isOpen).toBe(true)
    expect(await ask()).toBeInstanceOf(NotSent)
    expect(sent).toHaveLength(1)
  })

  it.each([
    ['LOADING Redis is loading the dataset in memory', true],
    ['CLUSTERDOWN The cluster is down', true],
    ['Socket closed unexpectedly', true],
    ['connect ECONNREFUSED 127.0.0.1:6379', true],
    ["OOM command not allowed when used memory > 'maxmemory'", false],
    ["READONLY You can't write against a read only replica.", false],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', false],
    ['ERR unknown command', false],
  ])('that fails with "%s" opens it: %s', async (message, opens) => {
    const { commands, ask, sent } = setUp()
    const asked = ask()
    sent[0]!.fail(new Error(message))
    expect(await asked).toMatchObject({ message })
    expect(commands.isOpen).toBe(opens)
  })

  it.each<[string, Command, number]>([
    ['a thousand are', get, 1_000],
    ['32 MiB are', { name: 'SET', key: 'a', tail: [Buffer.alloc(8 * 1024 * 1024)] }, 4],
  ])('is not sent while %s under way', async (_, command, most) => {
    const { commands, ask, sent } = setUp()
    const asked = Array.from({ length: most }, () => ask(command))
    expect(await ask()).toBeInstanceOf(NotSent)
    expect([sent.length, commands.isOpen]).toEqual([most, false])
    for (const { reply } of sent) reply('done')
    await Promise.all(asked)
    void ask()
    expect(sent).toHaveLength(most + 1)
  })
})

describe('the breaker', () => {
  beforeEach(holdTimeouts)

  it('probes after 250 ms, and closes when that is answered', async () => {
    const it = setUp()
    await it.fallSilent()
    await waitFor(249)
    expect(it.names()).toEqual(['GET'])
    await waitFor(1)
    expect(it.names()).toEqual(['GET', 'EXISTS'])
    expect(it.commands.isOpen).toBe(true)
    it.sent[1]!.reply(1)
    await turns()
    expect([it.commands.isOpen, it.returns]).toEqual([false, 1])
  })

  it('closes when the store answers with an error of its own', async () => {
    const it = setUp()
    await it.fallSilent()
    await waitFor(250)
    it.sent[1]!.fail(new Error('ERR no'))
    await turns()
    expect(it.commands.isOpen).toBe(false)
  })

  it('probes half as often each time, every five seconds in the end', async () => {
    const it = setUp()
    await it.fallSilent()
    for (const pause of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      const { length } = it.sent
      await waitFor(pause - 1)
      expect(it.sent).toHaveLength(length)
      await waitFor(1)
      expect(it.sent).toHaveLength(length + 1)
      it.sent.at(-1)!.fail(new Error('Socket closed unexpectedly'))
      await turns()
    }
  })

  it('has a connection made anew that does not answer its probe, and none that is just away', async () => {
    const it = setUp()
    await it.fallSilent()
    await waitFor(250)
    it.sent[1]!.fail(new Error('Socket closed unexpectedly'))
    await turns()
    expect(it.renewals).toBe(0)
    await waitFor(500)
    await waitFor(TIMEOUT)
    expect(it.renewals).toBe(1)
  })

  it('waits longer when it opens again soon after it has closed', async () => {
    const it = setUp()
    await it.fallSilent()
    await waitFor(250)
    it.sent[1]!.reply(1)
    await turns()
    await it.fallSilent()
    await waitFor(499)
    expect(it.sent).toHaveLength(3)
    await waitFor(1)
    expect(it.sent).toHaveLength(4)
  })

  it('probes at once when somebody has heard of the store', async () => {
    const it = setUp()
    await it.fallSilent()
    it.commands.probe()
    expect(it.names()).toEqual(['GET', 'EXISTS'])
    it.sent[1]!.reply(1)
    await turns()
    expect(it.commands.isOpen).toBe(false)
  })

  it('has one probe under way at a time', async () => {
    const it = setUp()
    await it.fallSilent()
    await waitFor(250)
    it.commands.probe()
    expect(it.names()).toEqual(['GET', 'EXISTS'])
  })

  it('does nothing any more when it has ended', async () => {
    const it = setUp()
    await it.fallSilent()
    it.commands.end()
    await waitFor(10_000)
    expect(it.names()).toEqual(['GET'])
    expect(await it.ask()).toBeInstanceOf(NotSent)
  })
})
