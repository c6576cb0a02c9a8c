/** What is sent to the model: its instructions with the facts as JSON, then the question. */
import type { Enhanced } from './catalogue.js'

export interface Message {
  readonly role: string
  /** Text, or parts of which some are text. */
  readonly content: string | readonly { readonly text?: string }[] | null
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

/** The way back, for the local composer: it gets its facts over the wire like any model. */
export function factsIn(messages: readonly Message[]): Enhanced | undefined {
  const instructions = messages.map(textOf).find(text => text.startsWith(INSTRUCTIONS))
  return instructions === undefined ? undefined : (JSON.parse(instructions.slice(INSTRUCTIONS.length)) as Enhanced)
}

/** What the user has said, the newest first. */
export function questionsIn(messages: readonly Message[]): string[] {
  return messages
    .filter(({ role }) => role === 'user')
    .map(textOf)
    .reverse()
}

function textOf({ content }: Message): string {
  return typeof content === 'string' ? content : (content ?? []).map(part => part.text ?? '').join('')
}
