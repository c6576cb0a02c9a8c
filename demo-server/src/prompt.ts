/** What is sent to the model: its instructions with the facts as JSON, then the question. */
import type { Enhanced } from './catalogue.js'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
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
export function readConversation(messages: readonly Message[]): { facts: Enhanced; question: string } {
  const [instructions, question] = messages
  const facts = instructions!.content.slice(instructions!.content.indexOf('\n'))
  return { facts: JSON.parse(facts) as Enhanced, question: question!.content }
}
