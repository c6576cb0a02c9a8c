/** The one client for text and speech. Whether OpenAI, a server of your own or the local stand-in answers is an address. */
import { Problem } from '../problem.js'
import type { Message } from '../prompt.js'

export interface Upstream {
  /** Up to and including `/v1`. */
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  readonly chatModel: string
  readonly speechModel: string
}

/** How long an answer may take from the first byte sent to the last byte received. */
const TIMEOUT = 120_000

/** The server named in the environment; an API key alone names none, so no key is ever used by accident. */
export function upstreamFromEnv(env: NodeJS.ProcessEnv): Upstream | undefined {
  const baseUrl = env['OPENAI_BASE_URL']
  if (!baseUrl) return undefined
  return {
    baseUrl: baseUrl.replace(/\/+$/, ''),
    apiKey: env['OPENAI_API_KEY'],
    chatModel: env['OPENAI_CHAT_MODEL'] ?? 'gpt-4o-mini',
    speechModel: env['OPENAI_SPEECH_MODEL'] ?? 'tts-1',
  }
}

/** The answer as it arrives: `text/event-stream` or `application/json`, as asked for. */
export async function chat(
  upstream: Upstream,
  { messages, stream }: { messages: readonly Message[]; stream: boolean },
): Promise<ReadableStream> {
  const response = await succeed(upstream, '/chat/completions', { model: upstream.chatModel, messages, stream })
  const expected = stream ? 'text/event-stream' : 'application/json'
  if (!response.body || !response.headers.get('content-type')?.startsWith(expected)) {
    throw new Problem(502, `The model server did not answer with ${expected}`)
  }
  return response.body
}

/** The bytes of a WAV file. */
export async function speech(
  upstream: Upstream,
  utterance: { input: string; voice: string; speed: number },
): Promise<Buffer> {
  const response = await succeed(upstream, '/audio/speech', {
    model: upstream.speechModel,
    response_format: 'wav',
    ...utterance,
  })
  return Buffer.from(await response.arrayBuffer())
}

async function succeed(upstream: Upstream, path: string, body: object): Promise<Response> {
  const response = await post(upstream, path, body)
  if (response.ok) return response
  await response.body?.cancel()
  if (response.status === 429) {
    throw new Problem(503, 'The model server is busy, try again soon', response.headers.get('retry-after'))
  }
  if (response.status === 413) throw new Problem(413, 'This is more than the model server takes')
  throw new Problem(502, `The model server answered ${response.status}`)
}

/** Whatever the model server says, errors too. */
export async function post({ baseUrl, apiKey }: Upstream, path: string, body: unknown): Promise<Response> {
  return fetch(baseUrl + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(apiKey && { Authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT),
  }).catch((error: unknown) => {
    throw new Problem(502, `The model server could not be reached (${(error as Error).name})`)
  })
}
