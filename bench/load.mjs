import autocannon from 'autocannon'

/**
 * Loads a server with the same request again and again, or with those that `next` gives, for some seconds or for an `amount`.
 * @returns CPU of the server per answer in microseconds, answers per second, handler calls, and how busy both sides were
 */
export async function load(server, { request, next, seconds, amount, connections }) {
  const before = await server.sample()
  const ownBefore = process.cpuUsage()
  const result = await autocannon({
    url: `http://127.0.0.1:${server.port}`,
    connections,
    // Fine enough that a window ends when it should.
    sampleInt: 20,
    timeout: 60,
    setupClient: expectNoBodyOf304,
    requests: [next === undefined ? plain(request) : { setupRequest: drawn => ({ ...drawn, ...plain(next()) }) }],
    ...(amount === undefined ? { duration: seconds } : { amount }),
  })
  const own = process.cpuUsage(ownBefore)
  const after = await server.sample()
  const answers = result.requests.total
  return {
    answers,
    cpu: (after.cpu - before.cpu) / answers,
    rate: answers / result.duration,
    calls: after.calls - before.calls,
    peak: after.peak,
    isLoadTheLimit: own.user + own.system > after.cpu - before.cpu,
    statuses: Object.fromEntries(Object.entries(result.statusCodeStats).map(([status, { count }]) => [status, count])),
    errors: result.errors + result.timeouts,
  }
}

const plain = ({ method = 'GET', path, headers = {}, body }) => ({ method, path, headers, body })

/** A 304 may say how long the body would be (RFC 9110 section 8.6); autocannon's parser would wait for it. */
function expectNoBodyOf304(client) {
  client.on('headers', ({ statusCode }) => {
    if (statusCode === 304) client.parser.body_bytes = 0
  })
}
