import type { RequestHandler } from 'express'
import type { RequestListener } from 'node:http'
import type { Express } from '../support/express.js'

export interface Place {
  readonly express: Express
  readonly cache: RequestHandler
  readonly onRun: () => void
  readonly onClose: (close: () => unknown) => void
}
export type MakeApp = (place: Place) => RequestListener | Promise<RequestListener>

export const graphqlHttp: MakeApp
export const trpc: MakeApp
export const feathersApp: MakeApp
export function apollo(hints: { defaultMaxAge?: number }): MakeApp
export function proxy(options: object): MakeApp
export function fastifyExpress(
  answer: (res: { json(body: unknown): unknown; end(body: string): unknown }, body: unknown) => unknown,
): MakeApp
