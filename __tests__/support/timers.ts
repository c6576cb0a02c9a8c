/** What goes on by itself: promises, the event loop and the clock. Node's own timers are not the global ones. */
const REAL = [
  ...(['Date', 'hrtime', 'performance', 'nextTick', 'queueMicrotask'] as const),
  ...(['setImmediate', 'clearImmediate'] as const),
]

/** From now on, and until the test is over, timeouts pass only with `jest.advanceTimersByTime`. */
export const holdTimeouts = (): void =>
  void jest.useFakeTimers({ doNotFake: [...REAL, 'setInterval', 'clearInterval'] })

/** The same of intervals. */
export const holdIntervals = (): void => void jest.useFakeTimers({ doNotFake: [...REAL, 'setTimeout', 'clearTimeout'] })

afterEach(() => void jest.useRealTimers())
