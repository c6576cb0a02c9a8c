/** What is sent to the model: its instructions with the facts as JSON, then the question. */
import type { Enhanced } from './catalogue.js'

export interface Message {
  readonly role: string
  /** Text, or parts of which some are text. */
  readonly content?: string | readonly { readonly text?: string }[] | null
}

const INSTRUCTIONS =
  'You answer questions about one film in a few sentences. Use only the facts below; if they do not hold the answer, ' +
  'say so. "percentile" tells how many of a hundred films have a lower value. Facts as JSON:'

export function conversation(facts: Enhanced, question: string): Message[] {
  return [
    { role: 'system', content: `${INSTRUCTIONS}\n${JSON.stringify(facts)}` },
    { role: 'user', content: question },
  ]
}

/**
 * The way back, for the local composer: the id of the film whose facts were sent along. Anybody can write such a message, so nothing else
 * is taken from it. Undefined: there are none, or they name no film.
 */
export function filmIn(messages: readonly Message[]): string | undefined {
  const facts = messages.map(textOf).find(text => text.startsWith(INSTRUCTIONS))
  if (facts === undefined) return undefined
  try {
    const { movie } = (JSON.parse(facts.slice(INSTRUCTIONS.length)) ?? {}) as { movie?: { id?: unknown } | null }
    return typeof movie?.id === 'string' ? movie.id : undefined
  } catch {
    return undefined
  }
}

/** What the user has said, the newest first. */
export function questionsIn(messages: readonly Message[]): string[] {
  return messages
    .filter(({ role }) => role === 'user')
    .map(textOf)
    .reverse()
}

/** Whether somebody has sent messages, of whatever kinds. */
export const areMessages = (value: unknown): value is Message[] => Array.isArray(value) && value.every(isMessage)

function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false
  const { role, content } = value as Record<string, unknown>
  const isPart = (part: unknown): boolean =>
    typeof part === 'object' &&
    part !== null &&
    ['string', 'undefined'].includes(typeof (part as { text?: unknown }).text)
  return (
    typeof role === 'string' &&
    (content === undefined ||
      content === null ||
      typeof content === 'string' ||
      (Array.isArray(content) && content.every(isPart)))
  )
}

function textOf({ content }: Message): string {
  return typeof content === 'string' ? content : (content ?? []).map(part => part.text ?? '').join('')
}
