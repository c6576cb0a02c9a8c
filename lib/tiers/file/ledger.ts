/** What the directory holds, as far as this process knows: exact after a walk, then with its own changes. */
export class Ledger {
  bytes = 0
  entries = 0
  /** Bytes written since the last walk began; other processes may have written as much. */
  written = 0
  /** While a walk runs: what we changed meanwhile, whichever state of it the walk sees. */
  #changes: Map<string, number> | undefined
  #found = { bytes: 0, entries: 0 }

  /** An entry of `before` bytes (0: none) is now one of `after` bytes. */
  change(digest: string, before: number, after: number): void {
    this.bytes = Math.max(0, this.bytes + after - before)
    this.entries = Math.max(0, this.entries + Number(after > 0) - Number(before > 0))
    this.written += after
    this.#changes?.set(digest, after)
  }

  beginWalk(): void {
    this.#changes = new Map()
    this.#found = { bytes: 0, entries: 0 }
    this.written = 0
  }

  found(digest: string, bytes: number): void {
    if (this.#changes?.has(digest) === true) return
    this.#found.bytes += bytes
    this.#found.entries++
  }

  endWalk(): void {
    let { bytes, entries } = this.#found
    for (const size of this.#changes?.values() ?? []) {
      bytes += size
      entries += Number(size > 0)
    }
    this.bytes = bytes
    this.entries = entries
    this.#changes = undefined
  }

  /** The walk did not get to its end: what was known before stands. */
  abandonWalk(): void {
    this.#changes = undefined
  }

  reset(): void {
    this.bytes = 0
    this.entries = 0
  }
}
