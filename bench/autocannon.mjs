import autocannon from 'autocannon'

/** Loads a server with requests that may each be another, from this very process. */
export async function loadWithAutocannon(port, { request, next, seconds, amount, connections }) {
  const before = process.cpuUsage()
  const { requests, duration, statusCodeStats, errors, timeouts } = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    // Fine enough that a window ends when it should.
    sampleInt: 20,
    timeout: 60,
    setupClient: expectNoBodyOf304,
    requests: [next === undefined ? plain(request) : { setupRequest: drawn => ({ ...drawn, ...plain(next()) }) }],
    ...(amount === undefined ? { duration: seconds } : { amount }),
  })
  const { user, system } = process.cpuUsage(before)
  return {
    answers: requests.total,
    took: duration,
    statuses: Object.fromEntries(Object.entries(statusCodeStats).map(([status, { count }]) => [status, count])),
    errors: errors + timeouts,
    cpu: user + system,
  }
}

const plain = ({ method = 'GET', path, headers = {}, body }) => ({ method, path, headers, body })

/** A 304 may say how long the body would be (RFC 9110 section 8.6); autocannon's parser would wait for it. */
function expectNoBodyOf304(client) {
  client.on('headers', ({ statusCode }) => {
    if (statusCode === 304) client.parser.body_bytes = 0
  })
}
