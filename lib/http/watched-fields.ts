import { inspect } from 'node:util'

/** Stands for every field: somebody looked at the whole list. */
export const EVERYTHING = '*'

type Note = (name: string) => void

/**
 * The fields that `make` gives, to a reader who is noted by the name of what was read; a look at the whole list is noted as `*`. What hardly
 * anybody reads is made when it is read.
 */
export const watchedFields = <T extends object>(make: () => T, note: Note): T =>
  new Proxy(Object.create(FIELDS) as T, new Watcher(make, note))

/** The same for a list of lines: whatever is read of it, all of it counts as read. */
export const watchedLines = (make: () => string[], note: Note): string[] =>
  new Proxy(new Lines(), new Watcher(make, () => note(EVERYTHING)))

/** Asked of the Proxy, this gives the object itself; the whole of it counts as read. */
const REAL = Symbol('real')

/** What stands behind the Proxy, and holds nothing: `util.inspect` and `console.log` look there. They ask it how to show it. */
const SHOWN: PropertyDescriptorMap = {
  [inspect.custom]: {
    value(this: { [REAL]: unknown }) {
      return this[REAL]
    },
  },
}
const FIELDS = Object.create(Object.prototype, SHOWN) as object
class Lines extends Array<string> {}
Object.defineProperties(Lines.prototype, SHOWN)

class Watcher<T extends object> implements ProxyHandler<T> {
  readonly #make: () => T
  readonly #note: Note
  #fields: T | undefined

  constructor(make: () => T, note: Note) {
    this.#make = make
    this.#note = note
  }

  get(_: T, name: string | symbol): unknown {
    return name === REAL ? this.#read(EVERYTHING) : Reflect.get(this.#read(name), name)
  }

  has(_: T, name: string | symbol): boolean {
    return Reflect.has(this.#read(name), name)
  }

  getOwnPropertyDescriptor(target: T, name: string | symbol): PropertyDescriptor | undefined {
    const found = Reflect.getOwnPropertyDescriptor(this.#read(name), name)
    // A Proxy may call fixed only what is fixed behind it.
    if (found?.configurable === false) Reflect.defineProperty(target, name, found)
    return found
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#read(EVERYTHING))
  }

  getPrototypeOf(): object | null {
    return Reflect.getPrototypeOf(this.#all)
  }

  setPrototypeOf(_: T, prototype: object | null): boolean {
    return Reflect.setPrototypeOf(this.#all, prototype)
  }

  set(_: T, name: string | symbol, value: unknown): boolean {
    return Reflect.set(this.#all, name, value)
  }

  defineProperty(target: T, name: string | symbol, descriptor: PropertyDescriptor): boolean {
    if (descriptor.configurable === false || !Reflect.isExtensible(target))
      Reflect.defineProperty(target, name, descriptor)
    return Reflect.defineProperty(this.#all, name, descriptor)
  }

  deleteProperty(target: T, name: string | symbol): boolean {
    return Reflect.deleteProperty(target, name) && Reflect.deleteProperty(this.#all, name)
  }

  /** What is frozen must hold what it shows: from here on it does. */
  preventExtensions(target: T): boolean {
    const fields = this.#read(EVERYTHING)
    Object.setPrototypeOf(target, Reflect.getPrototypeOf(fields))
    Object.defineProperties(target, Object.getOwnPropertyDescriptors(fields))
    return Reflect.preventExtensions(fields) && Reflect.preventExtensions(target)
  }

  get #all(): T {
    return (this.#fields ??= this.#make())
  }

  #read(name: string | symbol): T {
    if (typeof name === 'string') this.#note(name)
    return this.#all
  }
}
