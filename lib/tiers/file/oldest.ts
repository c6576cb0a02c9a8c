export interface Candidate {
  readonly folder: string
  readonly digest: string
  readonly bytes: number
  readonly usedAt: number
}

/**
 * The least recently used of many entries, as few as come to the bytes that must go: a heap with the youngest on top, so that no list of all
 * entries is kept, or sorted in one go.
 */
export class Oldest {
  readonly #heap: Candidate[] = []
  #bytes = 0
  #isWhole = true

  constructor(private readonly need: number) {}

  /** Whether it still holds everything it was given. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  add(candidate: Candidate): void {
    this.#bytes += candidate.bytes
    this.#heap.push(candidate)
    this.#rise(this.#heap.length - 1)
    this.trim(this.need, Infinity)
  }

  /** Lets go of the youngest while the others come to `need`, but of no more than `most`; answers whether that was all. */
  trim(need: number, most: number): boolean {
    for (let n = 0; this.#heap.length > 0 && this.#bytes - this.#heap[0]!.bytes >= need; n++) {
      if (n === most) return false
      this.take()
      this.#isWhole = false
    }
    return true
  }

  /** The youngest of them. */
  take(): Candidate | undefined {
    const top = this.#heap[0]
    const last = this.#heap.pop()
    if (top === undefined || last === undefined) return undefined
    this.#bytes -= top.bytes
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink(0)
    }
    return top
  }

  #rise(at: number): void {
    const parent = (at - 1) >> 1
    if (at === 0 || this.#heap[parent]!.usedAt >= this.#heap[at]!.usedAt) return
    this.#swap(at, parent)
    this.#rise(parent)
  }

  #sink(at: number): void {
    let youngest = at
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < this.#heap.length && this.#heap[child]!.usedAt > this.#heap[youngest]!.usedAt) youngest = child
    }
    if (youngest === at) return
    this.#swap(at, youngest)
    this.#sink(youngest)
  }

  #swap(one: number, other: number): void {
    const kept = this.#heap[one]!
    this.#heap[one] = this.#heap[other]!
    this.#heap[other] = kept
  }
}
