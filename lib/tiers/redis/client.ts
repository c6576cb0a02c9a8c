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

type OnError = (error: unknown) => void

const RETRY_PAUSE = 250

/** Milliseconds before the next try to connect. */
const reconnectPause = (tries: number): number => Math.min(50 * (tries + 1), 500)

/** A connection of our own to where the client of the app goes; that one is left as it is. */
export function connect(client: RedisClient, onError: OnError): Connection {
  const open = isIoredis(client) ? () => openIoredis(client, onError) : () => openNodeRedis(client as never, onError)
  let isClosed = false
  let tellOpened: () => void
  const opened = new Promise<void>(resolve => (tellOpened = resolve))
  const start = (): Raw => {
    const raw = open()
    raw.opened.then(tellOpened, error => {
      onError(error)
      if (raw === current) setTimeout(renew, RETRY_PAUSE).unref()
    })
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
  readonly options: IoredisOptions & { readonly redisOptions?: IoredisOptions }
  readonly stream?: { unref?(): void }
  duplicate(...settings: object[]): Ioredis
  callBuffer(name: string, words: readonly Word[]): Promise<unknown>
  on(name: string, listener: (error: unknown) => void): this
  once(name: string, listener: () => void): this
  disconnect(): void
}
interface IoredisOptions {
  readonly keyPrefix?: string
}

const isIoredis = (client: object): client is Ioredis => 'callBuffer' in client

function openIoredis(client: Ioredis, onError: OnError): Raw {
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
          clusterRetryStrategy: reconnectPause,
          scaleReads: 'master',
          redisOptions: { ...options.redisOptions, ...ofNode },
        },
      })
    : client.duplicate({ ...ofNode, lazyConnect: false, enableOfflineQueue: false, retryStrategy: reconnectPause })
  own.on('error', onError)
  // A cluster has no stream of its own.
  own.on('connect', () => own.stream?.unref?.())
  return {
    opened: new Promise<void>(resolve => own.once('ready', resolve)),
    send({ key, ...command }) {
      const [name, ...words] = wordsOf({ ...command, key }, prefix + key) as [string, ...Word[]]
      return own.callBuffer(name, words)
    },
    destroy: () => own.disconnect(),
  }
}

/** The part of node-redis that is used: what `createClient` and `createCluster` make. */
interface NodeRedis {
  readonly options?: NodeRedisOptions
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

function openNodeRedis(client: NodeRedis, onError: OnError): Raw {
  const isCluster = 'masters' in client || 'slots' in client
  const { _options: cluster } = client
  const prefix = (isCluster ? cluster?.keyPrefix : client.options?.keyPrefix) ?? ''
  const own = isCluster
    ? client.duplicate({
        useReplicas: false,
        defaults: { ...cluster?.defaults, ...settingsFor(cluster?.defaults?.socket) },
      })
    : client.duplicate(settingsFor(client.options?.socket))
  own.on('error', onError)
  own.on('node-error', onError)
  const opened = own.connect()
  own.unref?.()
  return {
    opened,
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

const settingsFor = (socket: object | undefined): object => ({
  ...{ disableOfflineQueue: true, readonly: false, commandOptions: undefined, clientSideCache: undefined },
  socket: { ...socket, socketTimeout: undefined, reconnectStrategy: reconnectPause },
})
