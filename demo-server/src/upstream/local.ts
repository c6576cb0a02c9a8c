/** The stand-in: OpenAI's wire shapes with the local composer and eSpeak behind them. It waits for nothing unless told to. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import type { Catalogue } from '../catalogue.js'
import { answer, NO_FILM } from '../composer.js'
import { answerAsOpenAi, Problem } from '../problem.js'
import { areMessages, filmIn, questionsIn, type Message } from '../prompt.js'
import { QueueFull, TooLong, type Speech } from '../speech/speech.js'
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
/** Of a conversation the composer reads so many of the user's last messages, and of each so many characters. */
const MAX_QUESTIONS = 8
const MAX_QUESTION = 4096
const LARGEST_BODY = '256kb'

export function makeStandIn({ speech, catalogue, wordDelay = 0 }: StandInParts): Express {
  const app = express()
  app.use(express.json({ limit: LARGEST_BODY }))
  app.post('/v1/chat/completions', completeWith(catalogue, wordDelay))
  app.post('/v1/audio/speech', speakWith(speech))
  app.use(sayBusy, answerAsOpenAi)
  return app
}

interface ChatRequest {
  readonly messages: readonly Message[]
  readonly stream: boolean
  readonly withUsage: boolean
}

/** What a client sent: whatever it is, it is a 400 where it is no conversation. */
function readChat(body: unknown): ChatRequest {
  const { messages, stream = false, stream_options } = fieldsOf(body)
  if (!areMessages(messages) || questionsIn(messages).length === 0) {
    throw new Problem(400, 'messages must be a list with a message of the role user')
  }
  if (stream !== null && typeof stream !== 'boolean') throw new Problem(400, 'stream must be true or false')
  return { messages, stream: stream === true, withUsage: fieldsOf(stream_options)['include_usage'] === true }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

function completeWith(catalogue: Catalogue, wordDelay: number): RequestHandler {
  return async (req, res) => {
    const { messages, stream, withUsage } = readChat(req.body)
    const content = compose(catalogue, messages)
    const usage = usageOf(messages, content)
    if (!stream) {
      const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
      res.json({ ...head('chat.completion'), choices, usage })
      return
    }
    res.type('text/event-stream')
    for (const event of events(content, withUsage ? usage : undefined)) {
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
    .slice(0, MAX_QUESTIONS)
    .map(question => question.slice(0, MAX_QUESTION))
  const sent = filmIn(messages)
  const movie =
    sent === undefined ? questions.map(catalogue.named).find(found => found !== undefined) : catalogue.find(sent)
  return movie ? answer(catalogue.enhance(movie), questions[0]!) : NO_FILM
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
    const { input, voice, speed = 1, response_format = 'wav' } = fieldsOf(req.body)
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

const sayBusy: ErrorRequestHandler = (error: unknown, _req, _res, next) => {
  if (error instanceof QueueFull) next(new Problem(429, error.message, '2'))
  else if (error instanceof TooLong) next(new Problem(413, error.message))
  else next(error)
}
