// Answers that lie ready, looked up by path alone: what no cache can beat that makes a key of the request. Not even a body is read here;
// inside Express the parser of the route reads it.

/** A listener that writes what lies ready for a path, with 304 and the one range the workload asks for. */
export function writePreset(requests) {
  const ready = new Map(requests.map(request => [request.path, prepare(request)]))
  return (req, res) => {
    const { etag, head, range, part, body } = ready.get(req.url)
    if (req.headers['if-none-match'] === etag) res.writeHead(304, ['ETag', etag]).end()
    else if (range !== undefined && req.headers.range === range) res.writeHead(206, part).end(body)
    else res.writeHead(200, head).end(body)
  }
}

/** An Express handler that sets the fields of a hit of reelcache, one by one, and no other work: what a middleware of its kind cannot beat. */
export function writeHit(requests) {
  const ready = new Map(requests.map(request => [request.path, prepare(request)]))
  const since = Date.now()
  return (req, res) => {
    const { etag, type, body } = ready.get(req.url)
    const isUnchanged = req.headers['if-none-match'] === etag
    const age = Math.floor((Date.now() - since) / 1_000)
    if (!isUnchanged) res.setHeader('content-type', type)
    res.setHeader('etag', etag)
    res.setHeader('age', age)
    res.setHeader('cache-status', `reelcache; hit; ttl=${3_600 - age}`)
    res.setHeader('x-cache', 'HIT')
    if (isUnchanged) return res.writeHead(304).end()
    res.setHeader('content-length', body.length)
    res.writeHead(200).end(body)
  }
}

/** An Express handler that sends what lies ready with `res.send`, as one would write it by hand. */
export function sendPreset(requests) {
  const ready = new Map(requests.map(({ path, answer }) => [path, answer]))
  return (req, res) => {
    const { type, body } = ready.get(req.url)
    res.type(type).send(body)
  }
}

function prepare({ headers, contentRange, answer: { type, body } }) {
  const etag = '"preset"'
  const head = ['Content-Type', type, 'Content-Length', String(body.length), 'ETag', etag]
  if (contentRange === undefined) return { etag, type, head, body }
  return { etag, type, range: headers.range, part: [...head, 'Content-Range', contentRange], body }
}
