import { LRUCache } from 'lru-cache'

/** Characters a key may have on the average: one may be as long as a request head, so the text counts and not only the number of keys. */
const USUAL_LENGTH = 256

/** Remembers something of at most so many keys; the least recently used go first. */
export const boundedByKeys = <T extends object | number>(max: number): LRUCache<string, T> =>
  new LRUCache<string, T>({ max, maxSize: max * USUAL_LENGTH, sizeCalculation: (_, key) => key.length + 1 })
