/** The longest that a timer can wait. */
const LONG = 2 ** 31 - 1

/** What goes on in the background lets the process end; whoever waits for it does not. */
export async function awaited<T>(work: Promise<T>): Promise<T> {
  const hold = setInterval(() => undefined, LONG)
  try {
    return await work
  } finally {
    clearInterval(hold)
  }
}
