import type { HeaderMap } from './types.js'

type Writable = { -readonly [Name in keyof HeaderMap]: HeaderMap[Name] }

/**
 * An empty header map, to be filled. It inherits no names: a field may be called `constructor` or `__proto__`. Made by a constructor, because
 * V8 keeps what `Object.create(null)` makes as a dictionary, which takes more memory, and ten times as long to go through.
 */
export const newHeaderMap = (): Writable => new Nameless()

/** What Express makes anew for each answer, and most answers have: each entry would keep a text of its own. */
const COMMON: ReadonlyMap<string, string> = new Map(
  ['application/json; charset=utf-8', 'text/html; charset=utf-8', 'text/plain; charset=utf-8'].map(type => [
    type,
    type,
  ]),
)

/** The same value, in a text that entries share where it is a common one. */
export const sharedValue = (value: string): string => COMMON.get(value) ?? value

const Nameless = makerOf(Object.create(null) as Writable)

function makerOf(prototype: Writable): new () => Writable {
  const make = function (): void {}
  make.prototype = prototype
  return make as unknown as new () => Writable
}
