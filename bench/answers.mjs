// What is right: the answers of the app, as pure functions, so that the server that gives them and the bench that checks them agree.

const prose = 'A film about people who find each other, lose each other, and learn what the rain in the city was for. '

const cast = Array.from({ length: 20 }, (_, order) => ({
  order,
  name: `Actor ${order}`,
  character: `Character ${order}`,
}))

/** About 2 KB of JSON. */
export const movie = (id, page) => ({ id, page, title: `Film ${id}`, overview: prose.repeat(8), cast })

/** About 100 KB of JSON. */
export const enriched = id => ({ id, similar: Array.from({ length: 50 }, (_, i) => movie(`${id}-${i}`)) })

/** 500 KB of audio. */
export const trailer = sound('trailer', 500_000)

/** 200 KB of audio. */
export const speech = text => sound(text, 200_000)

// The first bytes say what it is: a cache may look.
function sound(text, bytes) {
  const audio = Buffer.alloc(bytes, `${text} `)
  audio.write('ID3')
  return audio
}

/** How long the slow handler takes, in milliseconds. */
export const SLOW = 100

const json = value => ({
  status: 200,
  type: 'application/json; charset=utf-8',
  body: Buffer.from(JSON.stringify(value)),
})
const audio = body => ({ status: 200, type: 'audio/mpeg', body })

/** The path of a film, where only that is needed. */
export const moviePath = (id, page) => `/movies/${id}?page=${page}`

/** Requests, each with the answer that is right for it. */
export const ask = {
  movie: (id, page) => ({ path: moviePath(id, page), answer: json(movie(String(id), String(page))) }),
  enriched: id => ({ path: `/movies/${id}/enriched`, answer: json(enriched(String(id))) }),
  slow: id => ({ path: `/movies/${id}/slow`, answer: json(movie(String(id))) }),
  trailer: (id = 603) => ({ path: `/movies/${id}/trailer`, answer: audio(trailer) }),
  speech: text => ({
    method: 'POST',
    path: '/movies/603/speech',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, voice: 'alba' }),
    answer: audio(speech(text)),
  }),
}

/** The same request for a range of bytes. */
export function rangeOf(request, first, last) {
  const { type, body } = request.answer
  return {
    ...request,
    headers: { range: `bytes=${first}-${last}` },
    contentRange: `bytes ${first}-${last}/${body.length}`,
    answer: { status: 206, type, body: body.subarray(first, last + 1) },
  }
}

/** The same request from somebody who has the answer already. */
export const revalidationOf = (request, etag) => ({
  ...request,
  headers: { 'if-none-match': etag },
  answer: { status: 304, body: Buffer.alloc(0) },
})
