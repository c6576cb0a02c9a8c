// Requests whose answers are looked at.
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

const agent = new Agent({ keepAlive: true })

/** Asks once. */
export function fetchOnce(port, { method = 'GET', path, headers, body }) {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', agent, method, path, headers, timeout: 10_000 }, async res => {
      try {
        const chunks = await res.toArray()
        resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) })
      } catch (error) {
        reject(error)
      }
    })
    sent.once('error', reject)
    sent.once('timeout', () => sent.destroy(new Error('no answer within 10 s')))
    sent.end(body)
  })
}

/** In words, what is wrong with an answer; undefined when it is right. */
export function faultOf({ status, headers, body }, { answer }) {
  if (status !== answer.status) return `status ${status} instead of ${answer.status}`
  if (answer.type !== undefined && headers['content-type'] !== answer.type)
    return `content type ${headers['content-type']} instead of ${answer.type}`
  return body.equals(answer.body)
    ? undefined
    : `another body (${body.length} bytes) than the handler's (${answer.body.length})`
}

/** Asks once, and fails where the answer is not right. */
export async function fetchRight(port, request) {
  const got = await fetchOnce(port, request)
  const fault = faultOf(got, request)
  if (fault !== undefined) throw new Error(`${request.method ?? 'GET'} ${request.path}: ${fault}`)
  return got
}

/** Asks the same on many connections at once; answers how long each took, in milliseconds. */
export async function burst(port, wanted, count) {
  const sockets = await Promise.all(Array.from({ length: count }, () => open(port)))
  const sent = performance.now()
  const times = await Promise.all(sockets.map(socket => exchange(socket, wanted)))
  for (const socket of sockets) socket.destroy()
  return times.map(time => time - sent)
}

async function open(port) {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Sends the request and answers when the last byte of a right answer came. */
function exchange(socket, { path, answer }) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      const bodyAt = received.indexOf('\r\n\r\n') + 4
      if (bodyAt === 3 || received.length < bodyAt + answer.body.length) return
      const at = performance.now()
      const isRight = received.subarray(9, 12).equals(Buffer.from(String(answer.status)))
      if (isRight && received.subarray(bodyAt).equals(answer.body)) resolve(at)
      else reject(new Error(`${path}: a wrong answer in a burst: ${received.subarray(0, 12).toString('latin1')}`))
    })
    socket.once('close', () => reject(new Error(`${path}: the connection was closed in a burst`)))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  })
}
