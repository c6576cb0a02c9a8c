/** What a request says of its response. */
export interface Exchange {
  readonly method: string
}

export interface Response {
  readonly status: number
  readonly head: string
  readonly body: Buffer
}

/** The whole responses at the beginning of what a connection brought, and what came after them. */
export function parsed(bytes: Buffer, exchanges: readonly Exchange[]): { responses: Response[]; rest: Buffer } {
  const responses: Response[] = []
  let rest = bytes
  for (const { method } of exchanges) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) break
    const head = rest.subarray(0, end).toString('latin1')
    const status = Number(head.slice(9, 12))
    const hasBody = method !== 'HEAD' && status !== 304 && status !== 204
    const read = hasBody ? bodyAt(rest.subarray(end + 4), head) : { body: Buffer.alloc(0), length: 0 }
    if (read === undefined) break
    responses.push({ status, head, body: read.body })
    rest = rest.subarray(end + 4 + read.length)
  }
  return { responses, rest }
}

/** Undefined where it is not whole. */
function bodyAt(bytes: Buffer, head: string): { body: Buffer; length: number } | undefined {
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  if (length !== undefined) {
    return bytes.length < Number(length)
      ? undefined
      : { body: bytes.subarray(0, Number(length)), length: Number(length) }
  }
  return /^transfer-encoding: chunked/im.test(head) ? chunkedAt(bytes) : undefined
}

function chunkedAt(bytes: Buffer): { body: Buffer; length: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (!(size >= 0)) throw new Error(`no length of a chunk: ${bytes.subarray(at, at + 80).toString('latin1')}`)
    const next = line + 2 + size + 2
    if (next > bytes.length) return undefined
    if (size === 0) return { body: Buffer.concat(chunks), length: next }
    chunks.push(bytes.subarray(line + 2, line + 2 + size))
    at = next
  }
}
