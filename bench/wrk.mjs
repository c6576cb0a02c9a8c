import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryDirectory } from './temporary.mjs'

export const hasWrk = process.platform !== 'win32' && spawnSync('wrk', ['-v']).error === undefined

/** wrk knows whole seconds. It repeats one request, and would wait for the body whose length a 304 may say (RFC 9110 section 8.6). */
export const isForWrk = ({ request, next, seconds }) =>
  hasWrk && next === undefined && seconds >= 1 && request.answer.status !== 304

/** Loads a server with the same request again and again, from a process that takes little of the machine. */
export async function loadWithWrk(port, { request, seconds, connections }) {
  const script = join(temporaryDirectory(), 'request.lua')
  writeFileSync(script, scriptFor(request))
  const url = `http://127.0.0.1:${port}${request.path}`
  const args = ['-t1', `-c${connections}`, `-d${Math.round(seconds)}s`, '--timeout', '60s', '-s', script, url]
  // The shell says how long its children were busy.
  const { stdout } = await promisify(execFile)('sh', ['-c', 'wrk "$@"; times', 'sh', ...args])
  const { answers, duration, failed, wrong } = JSON.parse(/^\{.*\}$/m.exec(stdout)[0])
  return {
    answers,
    took: duration / 1e6,
    // It only tells errors from the rest: what else is wrong, one look before and after the window shows.
    statuses: { [request.answer.status]: answers - wrong, ...(wrong > 0 && { '400 or above': wrong }) },
    errors: failed,
    cpu: busyTime(stdout),
  }
}

// Lua takes the texts of JSON that are ASCII.
const scriptFor = ({ method = 'GET', headers = {}, body }) => `
wrk.method = ${JSON.stringify(method)}
${body === undefined ? '' : `wrk.body = ${JSON.stringify(body)}`}
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
  .join('\n')}
function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('{"answers":%d,"duration":%d,"failed":%d,"wrong":%d}\\n', summary.requests, summary.duration, failed, errors.status))
end
`

/** Microseconds, from the last line of `times`: `0m1.23s 0m0.45s`. */
function busyTime(stdout) {
  const ofChildren = stdout.trimEnd().split('\n').at(-1)
  const spans = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)]
  return spans.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1e6, 0)
}
