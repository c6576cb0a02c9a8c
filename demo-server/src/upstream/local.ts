/** The stand-in: OpenAI's wire shapes with the local composer and eSpeak behind them. It waits for nothing on purpose. */
import { randomUUID } from 'node:crypto'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import { answer } from '../composer.js'
import { readConversation, type Message } from '../prompt.js'
import { QueueFull, type Speech } from '../speech/speech.js'
import { ESPEAK_VOICES, type Voice } from '../speech/voices.js'

export const LOCAL_MODELS = { chatModel: 'local-composer-1', speechModel: 'espeak-ng' }

const NORMAL_WORDS_PER_MINUTE = 175

export function makeStandIn(speech: Speech): Express {
  const app = express()
  app.use(express.json({ limit: '1mb' }))
  app.post('/v1/chat/completions', complete)
  app.post('/v1/audio/speech', speakWith(speech))
  app.use(refuseWhenFull)
  return app
}

function complete(req: Request, res: Response): void {
  const { messages, stream } = req.body as { messages: Message[]; stream?: boolean }
  const { facts, question } = readConversation(messages)
  const content = answer(facts, question)
  if (stream) {
    res.type('text/event-stream')
    for (const event of events(content)) res.write(event)
    res.end()
    return
  }
  const message = { role: 'assistant', content }
  res.json({ ...head('chat.completion'), choices: [{ index: 0, message, finish_reason: 'stop' }] })
}

/** One event a word, one with the reason for the end, and the mark that nothing is missing. */
function* events(content: string): Generator<string> {
  const common = head('chat.completion.chunk')
  const event = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ ...common, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  yield event({ role: 'assistant', content: '' }, null)
  for (const [word] of content.matchAll(/\S+\s*/g)) yield event({ content: word }, null)
  yield event({}, 'stop')
  yield 'data: [DONE]\n\n'
}

function head(object: string) {
  return {
    id: `chatcmpl-${randomUUID()}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: LOCAL_MODELS.chatModel,
  }
}

function speakWith(speech: Speech) {
  return async (req: Request, res: Response): Promise<void> => {
    const { input, voice, speed = 1 } = req.body as { input: string; voice: Voice; speed?: number }
    const wordsPerMinute = Math.round(NORMAL_WORDS_PER_MINUTE * speed)
    const audio = await speech.say({ text: input, voice: ESPEAK_VOICES[voice], wordsPerMinute })
    res.type('audio/wav').send(audio)
  }
}

const refuseWhenFull: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof QueueFull)) {
    next(error)
    return
  }
  const details = { message: error.message, type: 'server_error', param: null, code: null }
  res.status(429).set('Retry-After', '2').json({ error: details })
}
