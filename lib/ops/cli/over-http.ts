import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { saidIn, type Send } from '../../core/exchange.js'

/** Sends requests over the network, on connections that are kept. */
export function overHttp(concurrency: number): { send: Send; close: () => void } {
  const settings = { keepAlive: true, maxSockets: concurrency }
  const agents = { 'http:': new http.Agent(settings), 'https:': new https.Agent(settings) }
  const send: Send = async ({ method, url, rawHeaders, body }, signal) => {
    const { request } = url.protocol === 'https:' ? https : http
    const agent = agents[url.protocol as keyof typeof agents]
    const headers = fieldsOf(rawHeaders, body)
    const sent = request(url, { method, headers, agent, signal }).end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    // The body is the server's to keep; here only its end is waited for.
    answer.resume().on('error', () => undefined)
    await new Promise(resolve => answer.once('close', resolve))
    const said = saidIn(String(answer.headers['cache-status'] ?? ''))
    return { status: answer.statusCode!, said, isWhole: answer.complete, ending: undefined }
  }
  return { send, close: () => Object.values(agents).forEach(agent => agent.destroy()) }
}

function fieldsOf(rawHeaders: readonly string[], body: Buffer | undefined): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = rawHeaders.slice(at, at + 2) as [string, string]
    // Some fields Node takes only as one text.
    fields[name] = name in fields ? [fields[name]!, value].flat() : value
  }
  return body === undefined ? fields : { ...fields, 'Content-Length': String(body.length) }
}
