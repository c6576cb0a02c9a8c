/** What clients send, checked: a value of the right kind or a 400 that says what is wrong. */
import type { Request } from 'express'
import { Problem } from './problem.js'
import { isVoice, VOICES, type Voice } from './speech/voices.js'

const MAX_TEXT = 4096
const MAX_QUERY = 200
const MAX_RESULTS = 50
const DEFAULT_RESULTS = 20

export function readSearch({ query }: Request): { q: string; limit: number } {
  const { q = '', limit = String(DEFAULT_RESULTS) } = query
  if (typeof q !== 'string' || q.length > MAX_QUERY) throw bad(`q must be one text of at most ${MAX_QUERY} characters`)
  if (typeof limit !== 'string' || !/^[1-9]\d?$/.test(limit) || Number(limit) > MAX_RESULTS) {
    throw bad(`limit must be a whole number from 1 to ${MAX_RESULTS}`)
  }
  return { q, limit: Number(limit) }
}

export function readQuestion(req: Request): { question: string; stream: boolean } {
  const { question, stream = true } = bodyOf(req)
  if (typeof stream !== 'boolean') throw bad('stream must be true or false')
  return { question: text('question', question), stream }
}

export function readSpeech(req: Request, defaultText: string): { input: string; voice: Voice; speed: number } {
  const { text: input = defaultText, voice = VOICES[0], speed = 1 } = bodyOf(req)
  if (!isVoice(voice)) throw bad(`voice must be one of ${VOICES.join(', ')}`)
  if (typeof speed !== 'number' || !(speed >= 0.5 && speed <= 2)) throw bad('speed must be a number from 0.5 to 2')
  return { input: text('text', input), voice, speed }
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT) return value
  throw bad(`${name} must be a text of 1 to ${MAX_TEXT.toLocaleString('en-US')} characters`)
}

function bodyOf(req: Request): Record<string, unknown> {
  const body: unknown = req.body ?? {}
  if (typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>
  throw bad('the body must be a JSON object')
}

const bad = (message: string) => new Problem(400, message)
