import { setTimeout as pause } from 'node:timers/promises'

const INTERVAL = 5

/** Waits for what sends no event: the state of another process. Fails with its name when it does not come about. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  patience: number = 15_000,
): Promise<void> {
  const deadline = performance.now() + patience
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`It never came about that ${what}`)
    await pause(INTERVAL)
  }
}
