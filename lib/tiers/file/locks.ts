/** One at a time for each name; different names do not wait for one another. */
export class Locks {
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    const mine = before === undefined ? work() : before.then(work, work)
    const settled: Promise<void> = mine.then(
      () => this.#forget(name, settled),
      () => this.#forget(name, settled),
    )
    this.#last.set(name, settled)
    return mine
  }

  #forget(name: string, settled: Promise<unknown>): void {
    if (this.#last.get(name) === settled) this.#last.delete(name)
  }
}
