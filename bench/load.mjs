import { loadWithAutocannon } from './autocannon.mjs'
import { isForWrk, loadWithWrk } from './wrk.mjs'

/**
 * Loads a server with the same request again and again, or with those that `next` gives, for some seconds or for an `amount`.
 * @returns CPU of the server per answer in microseconds, answers per second, handler calls, and whether the load was busier than the server
 */
export async function load(server, wanted) {
  const before = await server.sample()
  const { answers, took, statuses, errors, cpu } = await (isForWrk(wanted) ? loadWithWrk : loadWithAutocannon)(
    server.port,
    wanted,
  )
  const after = await server.sample()
  return {
    answers,
    cpu: (after.cpu - before.cpu) / answers,
    rate: answers / took,
    calls: after.calls - before.calls,
    peak: after.peak,
    isLoadTheLimit: cpu > after.cpu - before.cpu,
    statuses,
    errors,
  }
}
