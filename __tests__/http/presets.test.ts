import express from 'express'
import { elevenLabs, googleSpeech, openaiChat, openaiSpeech } from '../../lib/index.js'
import type { BodyFilter } from '../../lib/index.js'
import { cacheStatus, testCache } from '../support/cache.js'
import { postJson } from '../support/client.js'
import { serve } from '../support/server.js'

const chat = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Who is Neo?' }] }
const speech = { model: 'tts-1', input: 'Wake up, Neo', voice: 'alloy' }
const eleven = { text: 'Wake up, Neo', model_id: 'eleven_multilingual_v2' }
const google = {
  input: { text: 'Wake up, Neo' },
  voice: { languageCode: 'en-GB' },
  audioConfig: { audioEncoding: 'MP3' },
}

const presets = { openaiChat, openaiSpeech, elevenLabs, googleSpeech }
type Name = keyof typeof presets

async function asked(body: BodyFilter, first: object, second: object) {
  const app = express()
  app.post('/model', express.json(), testCache().cacheAi({ body }), (_req, res) => void res.json({ made: true }))
  const served = await serve(app)
  await postJson(served, '/model', first)
  return postJson(served, '/model', second)
}

describe('with a preset, an equal question is a hit', () => {
  it.each<[Name, string, object, object]>([
    ['openaiChat', 'another user', { ...chat, user: 'a' }, { ...chat, user: 'b' }],
    ['openaiChat', 'metadata', chat, { ...chat, metadata: { trace: '7' } }],
    ['openaiChat', 'a default that is written', chat, { ...chat, temperature: 1, stream: false, n: 1 }],
    ['openaiChat', 'bookkeeping', chat, { ...chat, store: true, safety_identifier: 's', prompt_cache_key: 'k' }],
    ['openaiSpeech', 'defaults that are written', speech, { ...speech, speed: 1, response_format: 'mp3' }],
    ['elevenLabs', 'logging', eleven, { ...eleven, enable_logging: false }],
    ['elevenLabs', 'a history that is empty', eleven, { ...eleven, previous_request_ids: [] }],
    ['googleSpeech', 'another order of fields', google, { ...google, input: google.input }],
  ])('%s: %s', async (name, _, first, second) => {
    expect((await asked(presets[name], first, second)).headers['x-cache']).toBe('HIT')
  })
})

describe('with a preset, another question is a miss', () => {
  it.each<[Name, string, object, object]>([
    ['openaiChat', 'a stream', chat, { ...chat, stream: true }],
    [
      'openaiChat',
      'usage in the stream',
      { ...chat, stream: true },
      { ...chat, stream: true, stream_options: { include_usage: true } },
    ],
    ['openaiChat', 'another temperature', chat, { ...chat, temperature: 0.5 }],
    ['openaiChat', 'another seed', chat, { ...chat, seed: 7 }],
    ['openaiChat', 'a field that nobody knows yet', chat, { ...chat, verbosity: 'low' }],
    ['openaiSpeech', 'another voice', speech, { ...speech, voice: { id: 'alloy' } }],
    ['openaiSpeech', 'instructions', speech, { ...speech, instructions: 'whisper' }],
    ['openaiSpeech', 'another speed', speech, { ...speech, speed: 1.25 }],
    ['openaiSpeech', 'a space at the end', speech, { ...speech, input: 'Wake up, Neo ' }],
    ['elevenLabs', 'text before it', eleven, { ...eleven, previous_text: 'Knock, knock.' }],
    ['googleSpeech', 'another pitch', google, { ...google, audioConfig: { audioEncoding: 'MP3', pitch: 2 } }],
  ])('%s: %s', async (name, _, first, second) => {
    expect((await asked(presets[name], first, second)).headers['x-cache']).toBe('MISS')
  })
})

it('speech that goes on from earlier speech is never looked up', async () => {
  const body = { ...eleven, next_request_ids: ['a'] }
  const answer = await asked(elevenLabs, body, body)
  expect(cacheStatus(answer)).toEqual({ fwd: 'bypass', detail: 'body-reference' })
})
