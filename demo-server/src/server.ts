/** The demo as the environment wants it: `npm start`. */
import { startFailure } from './start-failure.js'
import { start } from './start.js'
import { upstreamFromEnv } from './upstream/openai.js'

const { env } = process

const place = { host: env['HOST'] ?? '127.0.0.1', port: Number(env['PORT'] ?? 3000) }

const { url, upstream, close } = await start({
  ...place,
  cacheDir: env['CACHE_DIR'] ?? 'cache/tts',
  upstream: upstreamFromEnv(env),
  wordDelay: Number(env['DEMO_WORD_DELAY'] ?? 0),
  apiKey: env['DEMO_API_KEY'],
}).catch((error: unknown) => {
  const message = startFailure(error, place)
  if (message === undefined) throw error
  console.error(message)
  return process.exit(1)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close().then(() => process.exit()))

const movie = `${url}/api/movies/the-dark-knight-2008`
const json = "-H 'Content-Type: application/json'"
console.log(`${url}
what the cache does: ${url}/cache/
answers and speech: ${upstream.baseUrl} (${upstream.chatModel}, ${upstream.speechModel})

Run a line twice: the first time it says X-Cache: MISS, the second time HIT.
  curl -i ${movie}
  curl -i ${movie}/ai ${json} -d '{"question": "Was it a success?"}'
  curl -D - -o speech.wav ${movie}/tts ${json} -d '{}'`)
