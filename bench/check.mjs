// Whether a variant is fit to be measured: only who answers rightly takes part.
import { revalidationOf } from './answers.mjs'
import { fetchRight } from './client.mjs'

/**
 * Has the answers of a workload made, then asks again and looks: right status, type and bytes, and no handler called.
 * @returns the request to measure with; throws the reason why the variant is left out
 */
export async function prepare(server, kind, workload) {
  const { requests, other, revalidates, misses } = workload
  // What lies ready is ready for the requests of the workload alone.
  const first = (!kind.endsWith('limit') && workload.first) || requests[0]
  const made = await fetchRight(server.port, first)
  for (const request of requests.slice(1)) await fetchRight(server.port, request)
  if (revalidates && made.headers.etag === undefined) throw new Error('sends no ETag')
  const request = revalidates ? revalidationOf(first, made.headers.etag) : requests[0]

  await fetchRight(server.port, request)
  const { calls } = await server.sample()
  await fetchRight(server.port, request)
  if (isCache(kind)) {
    for (const known of requests.slice(1)) await fetchRight(server.port, known)
    const again = (await server.sample()).calls - calls
    if (again > 0) throw new Error(`asked the handler again for what it had answered (${again} of ${requests.length})`)
    // One key for two requests would look fast.
    await fetchRight(server.port, other)
    await fetchRight(server.port, request)
  }
  if (misses) await server.reset()
  return request
}

const isCache = kind => kind === 'cache' || kind === 'store'

/** What went wrong while a variant was loaded; undefined when nothing did. */
export function faultUnderLoad(kind, { misses }, request, window) {
  const { answers, calls, statuses, errors } = window
  const right = statuses[request.answer.status] ?? 0
  if (errors > 0) return `${errors} connections failed under load`
  if (answers === 0) return 'no answer under load'
  if (right < answers) return `wrong statuses under load: ${JSON.stringify(statuses)}`
  if (isCache(kind) && !misses && calls > 0) return `asked the handler ${calls} times under load`
  if (misses && calls < answers) return `answered ${answers - calls} new requests without the handler`
  return undefined
}

/** What is wrong with the answer once the load is over; undefined when nothing is. */
export async function faultAfterLoad(server, { misses }, request) {
  if (misses) return undefined
  try {
    await fetchRight(server.port, request)
  } catch ({ message }) {
    return message
  }
}
