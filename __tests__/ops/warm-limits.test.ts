import { setImmediate as turn } from 'node:timers/promises'
import type { OwnRequest, Reply, Send } from '../../lib/core/exchange.js'
import { saidIn } from '../../lib/core/exchange.js'
import type { WarmOptions, WarmReport } from '../../lib/index.js'
import { resolveWarm } from '../../lib/ops/warm/options.js'
import { warm, type WarmRequests } from '../../lib/ops/warm.js'
import { gate } from '../support/gate.js'

const STORED: Reply = { status: 200, said: saidIn('reelcache; fwd=miss; stored'), isWhole: true, ending: 'stored' }
const NEVER = new Promise<never>(() => undefined)

const run = (send: Send, requests: WarmRequests, options?: WarmOptions): Promise<WarmReport> =>
  warm(send, requests, resolveWarm(options))

/** A list that is made as it is read, and says how far. */
function list(count: number): { requests: AsyncIterable<string>; pulled: () => number; closed: () => boolean } {
  let pulled = 0
  let isClosed = false
  async function* make(): AsyncGenerator<string> {
    try {
      while (pulled < count) yield `/movies/${++pulled}`
    } finally {
      isClosed = true
    }
  }
  return { requests: make(), pulled: () => pulled, closed: () => isClosed }
}

/** Enough turns for everything that does not wait for a timer or a gate. */
async function quiet(): Promise<void> {
  for (let n = 0; n < 50; n++) await turn()
}

describe('the list', () => {
  it('is read only as far as requests are under way', async () => {
    const doors = Array.from({ length: 10 }, gate)
    const { requests, pulled } = list(10)
    const sent: string[] = []
    const send = async ({ url }: OwnRequest): Promise<Reply> => {
      const door = doors[sent.push(url.pathname) - 1]!
      await door.opened
      return STORED
    }
    const warming = run(send, requests, { concurrency: 3 })
    await quiet()
    expect([pulled(), sent.length]).toEqual([3, 3])
    doors[1]!.open()
    await quiet()
    expect([pulled(), sent.length]).toEqual([4, 4])
    for (const door of doors) door.open()
    expect(await warming).toMatchObject({ done: 10, warmed: 10, aborted: false })
    expect(sent).toEqual(Array.from({ length: 10 }, (_, n) => `/movies/${n + 1}`))
  })

  it('may be endless', async () => {
    const { requests, closed } = list(Infinity)
    const controller = new AbortController()
    const report = await run(async () => STORED, requests, {
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 500) controller.abort()
      },
    })
    expect(report).toMatchObject({ done: 500, aborted: true })
    await quiet()
    expect(closed()).toBe(true)
  })

  it('may hang, and the warming ends all the same', async () => {
    const controller = new AbortController()
    const hanging = { [Symbol.asyncIterator]: () => ({ next: () => NEVER, return: () => NEVER }) }
    const warming = run(async () => STORED, hanging, { signal: controller.signal })
    await quiet()
    controller.abort()
    expect(await warming).toMatchObject({ done: 0, aborted: true })
  })

  it.each<[string, () => Iterable<string> | AsyncIterable<string>]>([
    [
      'while it is read',
      function* () {
        yield '/movies/603'
        throw new Error('the file is gone')
      },
    ],
    [
      'while it is read, later',
      async function* () {
        yield '/movies/603'
        throw new Error('the file is gone')
      },
    ],
    [
      'at the first look',
      () => ({
        [Symbol.iterator]: () => {
          throw new Error('the file is gone')
        },
      }),
    ],
  ])('that throws %s ends the warming with its error, and what is under way', async (_, make) => {
    const signals: AbortSignal[] = []
    const send: Send = (_request, signal) => {
      signals.push(signal)
      return NEVER
    }
    await expect(run(send, make())).rejects.toThrow('the file is gone')
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
  })
})

describe('an abort', () => {
  it('before the beginning sends nothing and reads nothing', async () => {
    const { requests, pulled } = list(5)
    const send = jest.fn(async () => STORED)
    expect(await run(send, requests, { signal: AbortSignal.abort() })).toMatchObject({ done: 0, aborted: true })
    expect([pulled(), send.mock.calls.length]).toEqual([0, 0])
  })

  it('does not wait for requests under way, and tells them', async () => {
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    const send: Send = (_request, signal) => {
      signals.push(signal)
      return NEVER
    }
    const warming = run(send, list(50).requests, { concurrency: 20, signal: controller.signal })
    await quiet()
    controller.abort()
    expect(await warming).toMatchObject({ done: 0, failed: 0, aborted: true })
    expect(signals.map(({ aborted }) => aborted)).toEqual(Array.from({ length: 20 }, () => true))
  })

  it('warns of no leaking listeners, and leaves none behind', async () => {
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    const { signal } = new AbortController()
    const added = jest.spyOn(signal, 'addEventListener')
    const removed = jest.spyOn(signal, 'removeEventListener')
    await run(async () => turn(STORED), list(200).requests, { concurrency: 50, signal })
    await quiet()
    process.off('warning', note)
    expect(warnings).toEqual([])
    expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([1, 1])
  })
})

describe('onProgress', () => {
  it('ends the warming with what it throws', async () => {
    const { requests, pulled } = list(100)
    const onProgress = (): void => {
      throw new Error('the screen is gone')
    }
    await expect(run(async () => STORED, requests, { onProgress })).rejects.toThrow('the screen is gone')
    expect(pulled()).toBeLessThan(10)
  })
})

describe('with timers', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }))
  afterEach(() => jest.useRealTimers())

  const pass = async (milliseconds: number): Promise<void> => {
    for (let n = 0; n < milliseconds; n += 10) {
      jest.advanceTimersByTime(10)
      await quiet()
    }
  }

  it('begins no more requests in a second than the rate says, evenly', async () => {
    const begun: number[] = []
    const since = performance.now()
    const send: Send = async () => {
      begun.push(Math.round(performance.now() - since))
      return STORED
    }
    const warming = run(send, list(8).requests, { rate: 20, concurrency: 100 })
    await quiet()
    expect(begun).toEqual([0])
    await pass(1_000)
    expect(begun).toEqual([0, 50, 100, 150, 200, 250, 300, 350])
    expect(await warming).toMatchObject({ done: 8 })
    expect(jest.getTimerCount()).toBe(0)
  })

  it('makes nothing up after a pause', async () => {
    const begun: number[] = []
    const since = performance.now()
    const door = gate()
    const send: Send = async () => {
      if (begun.push(Math.round(performance.now() - since)) === 1) await door.opened
      return STORED
    }
    const warming = run(send, list(4).requests, { rate: 20, concurrency: 1 })
    await quiet()
    await pass(500)
    door.open()
    await quiet()
    await pass(200)
    expect(begun).toEqual([0, 500, 550, 600])
    await warming
  })

  it('an abort ends the wait for the next place', async () => {
    const controller = new AbortController()
    const warming = run(async () => STORED, list(8).requests, { rate: 0.01, signal: controller.signal })
    await quiet()
    controller.abort()
    expect(await warming).toMatchObject({ done: 1, aborted: true })
    expect(jest.getTimerCount()).toBe(0)
  })

  it('gives up what does not answer in time, and goes on', async () => {
    const signals: AbortSignal[] = []
    const send: Send = async ({ url }, signal) => {
      signals.push(signal)
      return url.pathname === '/movies/2' ? NEVER : STORED
    }
    const warming = run(send, list(3).requests, { concurrency: 1, timeout: 100 })
    await pass(200)
    expect(await warming).toMatchObject({
      ...{ done: 3, warmed: 2, failed: 1, aborted: false },
      failures: [{ request: '/movies/2', reason: 'no answer within 100 ms' }],
    })
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true, false])
    expect(jest.getTimerCount()).toBe(0)
  })
})

describe('Cache-Status', () => {
  it.each<[field: string, said: Record<string, string | undefined> | undefined]>([
    ['', undefined],
    ['Edge; hit', undefined],
    ['reelcache; hit; ttl=299', { hit: undefined, ttl: '299' }],
    [
      'reelcache; fwd=miss; stored; key="api 603 GET /a, reelcache; hit"',
      expect.not.objectContaining({ hit: undefined }),
    ],
    ['reelcache; fwd=miss; stored; key="a\\"; hit; \\\\"', expect.not.objectContaining({ hit: undefined })],
    ['reelcache; fwd=miss, reelcache; hit, Edge; fwd=miss', { hit: undefined }],
    ['reelcache; fwd="unfinished; hit', expect.anything()],
  ])('%s', (field, said) => {
    const found = saidIn(field)
    expect(found && Object.fromEntries(found)).toEqual(said)
  })

  it('that is long and broken is read once, not from each of its quotes', () => {
    const broken = `reelcache; ${'"\\'.repeat(50_000)}`
    expect(saidIn(broken)?.has('hit')).toBe(false)
  })
})
