/** The stand-in: OpenAI's wire shapes with the local composer and eSpeak behind them. It waits for nothing unless told to. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import type { Catalogue } from '../catalogue.js'
import { answer, NO_FILM } from '../composer.js'
import { answerAsOpenAi, Problem } from '../problem.js'
import { factsIn, questionsIn, type Message } from '../prompt.js'
import { QueueFull, type Speech } from '../speech/speech.js'
import { ESPEAK_VOICES, isVoice, VOICES } from '../speech/voices.js'

export const LOCAL_MODELS = { chatModel: 'local-composer-1', speechModel: 'espeak-ng' }

export interface StandInParts {
  readonly speech: Speech
  readonly catalogue: Catalogue
  /** Milliseconds after each word of a streamed answer. */
  readonly wordDelay?: number
}

const NORMAL_WORDS_PER_MINUTE = 175
const MAX_INPUT = 4096

export function makeStandIn({ speech, catalogue, wordDelay = 0 }: StandInParts): Express {
  const app = express()
  app.use(express.json({ limit: '1mb' }))
  app.post('/v1/chat/completions', completeWith(catalogue, wordDelay))
  app.post('/v1/audio/speech', speakWith(speech))
  app.use(sayFull, answerAsOpenAi)
  return app
}

interface ChatRequest {
  readonly messages?: readonly Message[]
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage?: boolean } | null
}

function completeWith(catalogue: Catalogue, wordDelay: number): RequestHandler {
  return async (req, res) => {
    const { messages, stream, stream_options } = (req.body ?? {}) as ChatRequest
    if (!Array.isArray(messages) || questionsIn(messages).length === 0) {
      throw new Problem(400, 'messages must be a list with a message of the role user')
    }
    const content = compose(catalogue, messages)
    const usage = usageOf(messages, content)
    if (!stream) {
      const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
      res.json({ ...head('chat.completion'), choices, usage })
      return
    }
    res.type('text/event-stream')
    for (const event of events(content, stream_options?.include_usage ? usage : undefined)) {
      if (res.destroyed) return
      res.write(event)
      if (wordDelay > 0) await wait(wordDelay)
    }
    res.end()
  }
}

/** About the film whose facts the app has sent along, or else the one that was named last. */
function compose(catalogue: Catalogue, messages: readonly Message[]): string {
  const questions = questionsIn(messages)
  const named = questions.map(catalogue.named).find(movie => movie !== undefined)
  const facts = factsIn(messages) ?? (named && catalogue.enhance(named))
  return facts ? answer(facts, questions[0]!) : NO_FILM
}

type Usage = Record<'prompt_tokens' | 'completion_tokens' | 'total_tokens', number>

/** One event a word, one with the reason for the end, and the mark that nothing is missing. */
function* events(content: string, usage: Usage | undefined): Generator<string> {
  const common = head('chat.completion.chunk')
  const event = (choices: object[], rest?: object) => `data: ${JSON.stringify({ ...common, choices, ...rest })}\n\n`
  const choice = (delta: object, finish_reason: string | null = null) => [{ index: 0, delta, finish_reason }]
  yield event(choice({ role: 'assistant', content: '' }))
  for (const [word] of content.matchAll(/\S+\s*/g)) yield event(choice({ content: word }))
  yield event(choice({}, 'stop'))
  if (usage) yield event([], { usage })
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

/** The composer has no tokens: words are counted. */
function usageOf(messages: readonly Message[], content: string): Usage {
  const prompt_tokens = countWords(questionsIn(messages).join(' '))
  const completion_tokens = countWords(content)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

const countWords = (text: string) => text.match(/\S+/g)?.length ?? 0

function speakWith(speech: Speech): RequestHandler {
  return async (req, res) => {
    const { input, voice, speed = 1, response_format = 'wav' } = (req.body ?? {}) as Record<string, unknown>
    if (typeof input !== 'string' || input.trim() === '' || input.length > MAX_INPUT) {
      throw new Problem(400, `input must be a text of 1 to ${MAX_INPUT} characters`)
    }
    if (!isVoice(voice)) throw new Problem(400, `voice must be one of ${VOICES.join(', ')}`)
    if (typeof speed !== 'number' || !(speed >= 0.25 && speed <= 4)) {
      throw new Problem(400, 'speed must be a number from 0.25 to 4')
    }
    if (response_format !== 'wav') throw new Problem(400, 'response_format must be wav: the local voice has no encoder')
    const wordsPerMinute = Math.round(NORMAL_WORDS_PER_MINUTE * speed)
    const audio = await speech.say({ text: input, voice: ESPEAK_VOICES[voice], wordsPerMinute })
    res.type('audio/wav').send(audio)
  }
}

const sayFull: ErrorRequestHandler = (error: unknown, _req, _res, next) => {
  next(error instanceof QueueFull ? new Problem(429, error.message, '2') : error)
}
