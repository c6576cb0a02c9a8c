import type { HeaderMap } from './types.js'

type Writable = { -readonly [Name in keyof HeaderMap]: HeaderMap[Name] }

/**
 * An empty header map, to be filled. It inherits no names: a field may be called `constructor` or `__proto__`. Made by a constructor, because
 * V8 keeps what `Object.create(null)` makes as a dictionary, which takes more memory, and ten times as long to go through.
 */
export const newHeaderMap = (): Writable => new Nameless()

const Nameless = makerOf(Object.create(null) as Writable)

function makerOf(prototype: Writable): new () => Writable {
  const make = function (): void {}
  make.prototype = prototype
  return make as unknown as new () => Writable
}
