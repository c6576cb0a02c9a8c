import type { Readable } from 'node:stream'
import type { WarmRequest } from '../warm/request.js'

/** No request is longer; without a bound a file without line ends would fill the memory. */
const LONGEST_LINE = 1_048_576

/** The requests of a text, line by line, read as they are sent. What is no JSON goes on as it is, and fails there. */
export async function* requestsIn(text: Readable, read: { bytes: number }): AsyncGenerator<WarmRequest> {
  for await (const raw of linesOf(text)) {
    read.bytes += Buffer.byteLength(raw) + 1
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    yield line.startsWith('{') ? objectIn(line) : line
  }
}

function objectIn(line: string): WarmRequest {
  try {
    return JSON.parse(line) as WarmRequest
  } catch {
    return line
  }
}

async function* linesOf(text: Readable): AsyncGenerator<string> {
  text.setEncoding('utf8')
  let rest = ''
  for await (const chunk of text) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop()!
    if (rest.length > LONGEST_LINE) throw new Error(`A line is longer than ${LONGEST_LINE} characters`)
    yield* lines
  }
  yield rest
}
