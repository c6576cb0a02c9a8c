/** A no of the handler: whatever is no 5xx, no cut and no timeout is its answer, and ends the stale entry. */
import { createHash } from 'node:crypto'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { type RouteOptions } from '../support/cache.js'
import { counted, errorPage, expresses } from '../support/express.js'
import { outcome, staleApp, TOO_LATE } from '../support/stale.js'

type Say = (res: Response, req: Request, next: NextFunction) => unknown

const failed = (status: number): Error => Object.assign(new Error('no'), { status })

/** What a handler answers that is no failure, and the status that its client sees. */
const noes: [what: string, status: number, say: Say][] = [
  ...([400, 401, 402, 403, 404, 405, 406, 409, 410, 418, 422, 423, 426, 451] as const).map(
    (status): [string, number, Say] => [String(status), status, res => res.status(status).json({ error: 'no' })],
  ),
  ['403 by sendStatus', 403, res => res.sendStatus(403)],
  ['403 without a body', 403, res => res.status(403).end()],
  ['403 in pieces', 403, res => (res.writeHead(403), res.write('n'), res.end('o'))],
  ['403 as an error that is passed on', 403, (_res, _req, next) => next(failed(403))],
  ['403 as an error that is thrown', 403, () => fail(403)],
  ['403 of which it logs the address', 403, (res, req) => res.status(403).send(`not you, ${req.ip!.length > 0}`)],
  ['451 of which it logs the browser', 451, (res, req) => res.status(451).send(digest(req.get('user-agent')))],
  ['401 with WWW-Authenticate', 401, res => res.set('WWW-Authenticate', 'Basic').status(401).send('who?')],
  ['204', 204, res => res.status(204).end()],
  ['201', 201, res => res.status(201).send('made')],
  ['202', 202, res => res.status(202).send('soon')],
  ['301', 301, res => res.redirect(301, '/')],
  ['302', 302, res => res.redirect('/')],
  ['303', 303, res => res.redirect(303, '/')],
  ['307', 307, res => res.redirect(307, '/')],
  ['private', 200, res => res.set('Cache-Control', 'private').send('yours')],
  ['private="x"', 200, res => res.set('Cache-Control', 'private="x-name"').send('yours')],
  ['no-store', 200, res => res.set('Cache-Control', 'no-store').send('now')],
  ['no-cache', 200, res => res.set('Cache-Control', 'no-cache').send('now')],
  ['a Cache-Control that cannot be parsed', 200, res => res.set('Cache-Control', 'private="').send('now')],
  ['Vary: *', 200, res => res.set('Vary', '*').send('now')],
  ['Set-Cookie', 200, res => res.cookie('who', 'ann').send('hello ann')],
  ['res.clearCookie()', 200, res => res.clearCookie('who').send('bye')],
  ['private with the same body', 200, res => res.set('Cache-Control', 'private').send('here')],
  ['Set-Cookie with the same body', 200, res => res.cookie('who', 'ann').send('here')],
]

/** What says nothing of the film: the entry stays, and covers. */
const failures: [what: string, say: Say, options?: RouteOptions][] = [
  ['500', res => res.status(500).send('down')],
  ['503 with no-store', res => res.set('Cache-Control', 'no-store').status(503).send('down')],
  ['502 with a cookie', res => res.cookie('who', 'ann').status(502).send('down')],
  ['an error', (_res, _req, next) => next(new Error('down'))],
  ['a response that it destroys', res => res.destroy()],
  ['a cut after 403', res => (res.status(403), res.destroy())],
]

/** Of the client that asks too much or too slowly, and not of the film. */
const ofTheClient: [status: number][] = [[408], [425], [429]]

const fail = (status: number): never => {
  throw failed(status)
}
const digest = (text = ''): string => createHash('sha256').update(text).digest('hex')

describe.each(expresses)('a handler that says no on %s', (_version, express) => {
  /** Good, then what the test says, then broken. */
  const goodThen = (say: Say, after: RequestHandler = (_req, res) => void res.status(500).send('down')) =>
    counted((req, res, run, next) => {
      if (run === 1) return res.send('here')
      return run === 2 ? say(res, req, next) : after(req, res, next)
    })
  const both: RouteOptions = { staleWhileRevalidate: 60_000, staleIfError: 3_600_000 }

  it.each(noes)('with %s has its answer sent, and no later failure is covered', async (_what, status, say) => {
    const handler = goodThen(say)
    const { get, clock, over } = await staleApp(express, handler, { staleIfError: 60_000 }, { errors: [errorPage] })
    await get()
    clock.advance(TOO_LATE)
    expect((await get()).status).toBe(status)
    await over()
    expect(outcome(await get())).toEqual([500, 'MISS', 'down'])
    expect(handler.calls).toBe(3)
  })

  it.each(noes)('with %s in the background ends the stale entry', async (_what, _status, say) => {
    const handler = goodThen(say)
    const { get, clock, over } = await staleApp(express, handler, both, { errors: [errorPage] })
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([200, 'STALE', 'here'])
    await over()
    expect(outcome(await get())).toEqual([500, 'MISS', 'down'])
    expect(handler.calls).toBe(3)
  })

  it.each(failures)('is none with %s: the entry stays, and covers', async (_what, say) => {
    const handler = goodThen(say)
    const { get, clock, over } = await staleApp(express, handler, { staleIfError: 60_000 }, { errors: [errorPage] })
    await get()
    clock.advance(TOO_LATE)
    expect(outcome(await get())).toEqual([200, 'STALE', 'here'])
    await over()
    expect(outcome(await get())).toEqual([200, 'STALE', 'here'])
  })

  it.each(ofTheClient)('is none with %d, which is the client’s own: the entry stays', async status => {
    const handler = goodThen(res => res.status(status).send('later'))
    const { get, clock } = await staleApp(express, handler, { staleIfError: 60_000 })
    await get()
    clock.advance(TOO_LATE)
    expect((await get()).status).toBe(status)
    expect(outcome(await get())).toEqual([200, 'STALE', 'here'])
  })

  it('is none where only this client’s own field made it say so: the entry stays for the others', async () => {
    const handler = counted((req, res, run) => {
      if (run > 1 && req.get('authorization') === undefined && req.get('cookie') !== undefined) {
        return res.status(403).send('not you')
      }
      return run === 1 ? res.send('here') : res.status(500).send('down')
    })
    const { get, clock } = await staleApp(express, handler, { staleIfError: 60_000 })
    await get()
    clock.advance(TOO_LATE)
    expect((await get({ Cookie: '_ga=1' })).status).toBe(403)
    expect(outcome(await get())).toEqual([200, 'STALE', 'here'])
  })

  it('leaves nothing to those who wait for it', async () => {
    const handler = goodThen(res => setImmediate(() => res.status(403).send('taken down')))
    const { get, clock } = await staleApp(express, handler, { staleIfError: 60_000 })
    await get()
    clock.advance(TOO_LATE)
    const answers = await Promise.all(Array.from({ length: 5 }, () => get()))
    expect(answers.map(({ status }) => status).sort()).toEqual([403, 500, 500, 500, 500])
  })

  it('and later yes is cached again', async () => {
    const handler = goodThen(
      res => res.status(403).send('no'),
      (_req, res) => void res.send('back'),
    )
    const { get, clock } = await staleApp(express, handler, { staleIfError: 60_000 })
    await get()
    clock.advance(TOO_LATE)
    await get()
    expect(outcome(await get())).toEqual([200, 'MISS', 'back'])
    expect(outcome(await get())).toEqual([200, 'HIT', 'back'])
  })
})
