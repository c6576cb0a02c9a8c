import type { MaybePromise } from '../../core/types.js'
import type { RedisClient } from '../../options.js'

export type Word = string | Buffer

/** A command about one key, which the client routes it by in a cluster. */
export interface Command {
  readonly name: string
  /** What stands between the name and the key. */
  readonly head?: readonly Word[]
  readonly key: string
  readonly tail?: readonly Word[]
}

/** A connection that comes again by itself. It queues nothing: while it is away a command fails at once. */
export interface Connection {
  /** Resolves when commands can be sent for the first time. */
  readonly opened: Promise<void>
  send(command: Command): Promise<unknown>
  /** Begins anew: what is silent for long may never speak again. */
  renew(): void
  close(): void
}

/** What both libraries come down to. */
interface Raw {
  readonly opened: Promise<unknown>
  send(command: Command): Promise<unknown>
  destroy(): void
}

interface Listener {
  readonly onError: (error: unknown) => void
  /** It has ended, and will not come again by itself. */
  readonly onEnd: () => void
}

/** Milliseconds before the next try to connect. */
const pauseAfter = (tries: number): number => Math.min(50 * tries, 500)

/**
 * A connection of our own to where the client of the app goes; that one is left as it is. Coming again is done here, as the timers of both
 * libraries would keep the process alive.
 */
export function connect(client: RedisClient, onError: (error: unknown) => void): Connection {
  const open = isIoredis(client) ? openIoredis.bind(null, client) : openNodeRedis.bind(null, client as never)
  let isClosed = false
  let tries = 0
  let tellOpened: () => void
  const opened = new Promise<void>(resolve => (tellOpened = resolve))
  const isIt = (raw: Raw): boolean => raw === current && !isClosed

  const start = (): Raw => {
    let isReady = false
    let hasEnded = false
    const onEnd = (): void => {
      if (hasEnded || !isIt(raw)) return
      hasEnded = true
      // ioredis gives no error when the other side closes before it is ready.
      if (!isReady) onError(new Error('The connection ended before it was ready'))
      setTimeout(() => isIt(raw) && renew(), pauseAfter(++tries)).unref()
    }
    const raw: Raw = open({ onError, onEnd })
    const settle = (): void => {
      // Destroyed while it was connecting, it may come to be connected all the same.
      if (!isIt(raw)) return raw.destroy()
      isReady = true
      tries = 0
      tellOpened()
    }
    raw.opened.then(settle, onEnd)
    return raw
  }
  const renew = (): void => {
    if (isClosed) return
    current.destroy()
    current = start()
  }
  let current = start()
  return {
    opened,
    send: command => current.send(command),
    renew,
    close() {
      isClosed = true
      current.destroy()
    },
  }
}

const wordsOf = ({ name, head = [], tail = [] }: Command, key: string): Word[] => [name, ...head, key, ...tail]

/** The part of ioredis that is used: `Redis`, and `Cluster`, whose settings for each node are apart. */
interface Ioredis {
  readonly isCluster: boolean
  readonly status: string
  readonly options: IoredisOptions & { readonly redisOptions?: IoredisOptions }
  readonly stream?: { unref?(): void } | undefined
  duplicate(...settings: object[]): Ioredis
  callBuffer(name: string, words: readonly Word[]): Promise<unknown>
  on(name: string, listener: (given: never) => void): this
  once(name: string, listener: () => void): this
  disconnect(): void
}
interface IoredisOptions {
  readonly keyPrefix?: string
}

const isIoredis = (client: object): client is Ioredis => 'callBuffer' in client

function openIoredis(client: Ioredis, { onError, onEnd }: Listener): Raw {
  const { options, isCluster } = client
  // Added below: the same way for both libraries.
  const prefix = options.keyPrefix ?? options.redisOptions?.keyPrefix ?? ''
  const ofNode = {
    ...{ keyPrefix: '', maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, readOnly: false },
    // With it `callBuffer` throws.
    enableAutoPipelining: false,
    // The reader of the purge log blocks for longer, and deadlines are our own.
    ...{ commandTimeout: undefined, socketTimeout: undefined, blockingTimeout: undefined },
  }
  const own = isCluster
    ? client.duplicate([], {
        ...{ lazyConnect: false, enableOfflineQueue: false, keyPrefix: '', enableAutoPipelining: false },
        ...{
          clusterRetryStrategy: null,
          scaleReads: 'master',
          redisOptions: { ...options.redisOptions, ...ofNode },
        },
      })
    : client.duplicate({ ...ofNode, lazyConnect: false, enableOfflineQueue: false, retryStrategy: null })
  own.on('error', onError).on('end', onEnd)
  own.on('connect', () => own.stream?.unref?.())
  // Those of a cluster have streams of their own.
  own.on('+node', (node: Ioredis) => node.on('connect', () => node.stream?.unref?.()))
  return {
    opened: new Promise<void>(resolve => own.once('ready', resolve)),
    send({ key, ...command }) {
      const [name, ...words] = wordsOf({ ...command, key }, prefix + key) as [string, ...Word[]]
      return own.callBuffer(name, words)
    },
    destroy() {
      // Once more, and a timer of two seconds would keep the process alive.
      if (own.status !== 'end') own.disconnect()
    },
  }
}

/** The part of node-redis that is used: what `createClient` and `createCluster` make. */
interface NodeRedis {
  readonly options?: NodeRedisOptions
  readonly isOpen?: boolean
  readonly masters?: readonly { readonly client?: MaybePromise<{ unref(): void }> }[]
  readonly _options?: { readonly keyPrefix?: string; readonly defaults?: NodeRedisOptions }
  duplicate(settings: object): NodeRedis
  connect(): Promise<unknown>
  sendCommand(...given: unknown[]): Promise<unknown>
  on(name: string, listener: (error: unknown) => void): this
  unref?(): void
  destroy(): void
}
interface NodeRedisOptions {
  readonly keyPrefix?: string
  readonly socket?: object
}

/** Texts come as bytes: `36` is `$`, the mark of a bulk string. */
const BYTES = { typeMapping: { 36: Buffer } }

function openNodeRedis(client: NodeRedis, { onError, onEnd }: Listener): Raw {
  const isCluster = 'masters' in client || 'slots' in client
  const { _options: cluster } = client
  const prefix = (isCluster ? cluster?.keyPrefix : client.options?.keyPrefix) ?? ''
  const own = isCluster
    ? client.duplicate({
        useReplicas: false,
        defaults: { ...cluster?.defaults, ...settingsFor(cluster?.defaults?.socket, pauseAfter) },
      })
    : client.duplicate(settingsFor(client.options?.socket, false))
  own.on('node-error', onError).on('error', error => {
    onError(error)
    if (own.isOpen === false) onEnd()
  })
  // Once it is connecting it is too late for this.
  own.unref?.()
  own.on('node-ready', () => own.masters?.forEach(({ client: node }) => void unrefNode(node)))
  return {
    opened: own.connect(),
    send({ key, ...command }) {
      const name = prefix + key
      const words = wordsOf({ ...command, key }, name)
      return isCluster ? own.sendCommand(name, false, words, BYTES) : own.sendCommand(words, BYTES)
    },
    destroy() {
      try {
        own.destroy()
      } catch {
        // It had not been connected.
      }
    },
  }
}

const unrefNode = async (node: MaybePromise<{ unref(): void }> | undefined): Promise<void> => (await node)?.unref()

const settingsFor = (socket: object | undefined, reconnectStrategy: unknown): object => ({
  ...{ disableOfflineQueue: true, readonly: false, commandOptions: undefined, clientSideCache: undefined },
  socket: { ...socket, socketTimeout: undefined, reconnectStrategy },
})
