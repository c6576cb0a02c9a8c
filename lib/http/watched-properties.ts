import { putBack } from './step-aside.js'

/**
 * Watches properties of an object that others hold too, such as a request or its connection. Accessors are put on the object itself, once,
 * and stay: whoever wants to know joins the list of watchers and leaves it. The accessors are the same for all objects, so that V8 can give
 * these one hidden class, and nothing is allocated for each property.
 */
export interface Watcher {
  /** Somebody reads a property. */
  note(name: string): void
  /** A getter of the object's prototype runs until `leave`, and reads for itself. */
  enter(name: string): void
  leave(name: string): void
}

/** The accessors for some names, made once; `prefix` tells watchers of which object a name is. */
export type Accessors = Readonly<Record<string, PropertyDescriptor>>

// Found again by the package's other build too, where an app has loaded both.
const STATE = Symbol.for('reelcache.watched')

interface State {
  readonly watchers: Set<Watcher>
  readonly installed: Set<Accessors>
  /** What stood on the object itself before, by name. */
  readonly own: Record<string, PropertyDescriptor | undefined>
}

type Watched = object & { [STATE]?: State }

export const accessorsFor = (names: readonly string[], { prefix = '', enumerable = false } = {}): Accessors =>
  Object.fromEntries(names.map(name => [name, { ...accessor(name, prefix + name), configurable: true, enumerable }]))

function accessor(name: string, shownName: string): PropertyDescriptor {
  return {
    get(this: Watched) {
      const { watchers, own } = this[STATE]!
      for (const watcher of watchers) watcher.note(shownName)
      const before = own[name]
      if (before !== undefined) return (before.get === undefined ? before.value : before.get.call(this)) as unknown
      for (const watcher of watchers) watcher.enter(shownName)
      try {
        return Reflect.get(Object.getPrototypeOf(this) as object, name, this) as unknown
      } finally {
        for (const watcher of watchers) watcher.leave(shownName)
      }
    },
    set(this: Watched, value: unknown) {
      const { own } = this[STATE]!
      if (own[name]?.set !== undefined) own[name].set.call(this, value)
      else own[name] = { value }
    },
  }
}

/** Begins to watch. Returns how to stop; undefined where the object cannot be watched, as one that is frozen. */
export function watchProperties(target: object, accessors: Accessors, watcher: Watcher): (() => void) | undefined {
  const watched = target as Watched
  if (!Object.hasOwn(watched, STATE) && !install(watched)) return undefined
  const { watchers, installed, own } = watched[STATE]!
  if (!installed.has(accessors)) {
    installed.add(accessors)
    for (const name of Object.keys(accessors)) {
      const before = Object.getOwnPropertyDescriptor(target, name)
      if (before?.configurable === false || Object.hasOwn(own, name)) continue
      own[name] = before
      Object.defineProperty(target, name, accessors[name]!)
    }
  }
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

/** Takes the accessors off again, where nobody watches. */
export function unwatchProperties(target: object, accessors: Accessors): void {
  const state = (target as Watched)[STATE]
  if (state === undefined || state.watchers.size > 0 || !state.installed.delete(accessors)) return
  for (const name of Object.keys(accessors)) {
    if (Object.getOwnPropertyDescriptor(target, name)?.get !== accessors[name]!.get) continue
    const before = state.own[name]
    Reflect.deleteProperty(state.own, name)
    const isValue = before !== undefined && 'value' in before
    putBack(target, name, isValue ? { writable: true, enumerable: true, ...before, configurable: true } : before)
  }
}

function install(target: Watched): boolean {
  if (!Object.isExtensible(target)) return false
  const state: State = { watchers: new Set(), installed: new Set(), own: Object.create(null) as State['own'] }
  return Reflect.defineProperty(target, STATE, { value: state })
}
