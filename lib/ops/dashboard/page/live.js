/** The connection to the cache: one message after another, while somebody looks. */

/** The server speaks every fifteen seconds at least. */
const SILENT = 40_000
/** Milliseconds until it is tried again where the browser does not do it by itself. */
const AGAIN = 3_000

/** Calls `onMessage` with each snapshot, and `onLost` when there is no connection any more. */
export function listen(onMessage, onLost) {
  let source
  let timer

  const open = () => {
    source?.close()
    source = new window.EventSource('events')
    source.addEventListener('message', ({ data }) => {
      tryAgainIn(SILENT)
      onMessage(JSON.parse(data))
    })
    let hasFailed = false
    source.addEventListener('open', () => {
      hasFailed = false
    })
    source.addEventListener('error', () => {
      // The server ends a stream now and then. Only one that cannot be had again is lost.
      const isRefused = source.readyState === window.EventSource.CLOSED
      if (isRefused || hasFailed) onLost()
      hasFailed = true
      if (isRefused) tryAgainIn(AGAIN)
    })
    tryAgainIn(SILENT)
  }
  const tryAgainIn = milliseconds => {
    window.clearTimeout(timer)
    timer = setTimeout(open, milliseconds)
  }

  const look = () => {
    if (!document.hidden) return open()
    source?.close()
    window.clearTimeout(timer)
  }
  document.addEventListener('visibilitychange', look)
  look()
}
