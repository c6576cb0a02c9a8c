/** A stale answer that its handler confirms with a 304 (RFC 9111 section 4.3.4): what the 304 says is this client's, stored or not. */
import type { RequestHandler, Response } from 'express'
import onHeaders from 'on-headers'
import { counted, expresses } from '../support/express.js'
import { staleApp, TOO_LATE } from '../support/stale.js'

type Say = (res: Response) => unknown

/** What a handler adds to the same body, the field in which its client finds it, and how. */
const unstorable: [what: string, say: Say, field: string, value: unknown][] = [
  ['res.cookie()', res => res.cookie('who', 'ann'), 'set-cookie', ['who=ann; Path=/']],
  ['two cookies', res => res.append('Set-Cookie', ['a=1', 'b=2']), 'set-cookie', ['a=1', 'b=2']],
  ['res.clearCookie()', res => res.clearCookie('who'), 'set-cookie', [expect.stringContaining('who=;')]],
  ['private', res => res.set('Cache-Control', 'private'), 'cache-control', 'private'],
  ['no-store', res => res.set('Cache-Control', 'no-store'), 'cache-control', 'no-store'],
  ['no-cache', res => res.set('Cache-Control', 'no-cache'), 'cache-control', 'no-cache'],
  ['Vary: *', res => res.set('Vary', '*'), 'vary', '*'],
]

const film = { id: 603, title: 'The Matrix' }

describe.each(expresses)('a stale answer that its handler confirms on %s', (_version, express) => {
  describe.each(unstorable)('with %s', (_what, say, field, value) => {
    const confirming = () =>
      counted((_req, res, run) => {
        res.set('X-Run', String(run))
        if (run === 2) say(res)
        res.json(film)
      })

    it('reaches its client with what the handler says now', async () => {
      const { get, clock } = await staleApp(express, confirming(), {})
      const stored = await get()
      clock.advance(TOO_LATE)
      const answer = await get()
      expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([200, film])
      expect(answer.headers).toMatchObject({ [field]: value, 'x-run': '2', 'x-cache': 'MISS', age: '0' })
      expect(answer.headers.etag).toBe(stored.headers.etag)
      expect(answer.headers['cache-status']).not.toContain('stored')
    })

    it('reaches a client that holds it as a 304 that says so', async () => {
      const { get, clock } = await staleApp(express, confirming(), {})
      const { headers } = await get()
      clock.advance(TOO_LATE)
      const answer = await get({ 'If-None-Match': headers.etag! })
      expect([answer.status, answer.body.length]).toEqual([304, 0])
      expect(answer.headers).toMatchObject({ [field]: value, 'x-run': '2' })
    })

    it('is not stored, and what was stored is nobody’s answer any more', async () => {
      const handler = confirming()
      const { get, clock } = await staleApp(express, handler, { staleIfError: 60_000 })
      await get()
      clock.advance(TOO_LATE)
      await get()
      const next = await get()
      expect(next.headers).toMatchObject({ 'x-cache': 'MISS', 'x-run': '3' })
      expect(next.headers).not.toHaveProperty(field, value)
      expect(handler.calls).toBe(3)
    })
  })

  it('is not stored where middleware in front says so while the head leaves', async () => {
    const handler = counted((_req, res) => res.json(film))
    let isOwn = false
    const says: RequestHandler = (_req, res, next) => {
      onHeaders(res, () => isOwn && res.setHeader('Cache-Control', 'private'))
      next()
    }
    const { get, clock } = await staleApp(express, handler, {}, { front: [says] })
    await get()
    clock.advance(TOO_LATE)
    isOwn = true
    const answer = await get()
    expect(answer.headers).toMatchObject({
      'cache-control': 'private',
      'cache-status': expect.not.stringContaining('stored'),
    })
    isOwn = false
    expect((await get()).headers['x-cache']).toBe('MISS')
    expect(handler.calls).toBe(3)
  })

  it('is stored again where nothing speaks against it', async () => {
    const handler = counted((_req, res) => res.json(film))
    const { get, clock } = await staleApp(express, handler, {})
    await get()
    clock.advance(TOO_LATE)
    expect((await get()).headers['cache-status']).toMatch(/fwd=stale; fwd-status=304; stored/)
    expect((await get()).headers['x-cache']).toBe('HIT')
    expect(handler.calls).toBe(2)
  })

  describe('and that is stale at once', () => {
    const always = (fields: (run: number) => Record<string, string>) =>
      counted((_req, res, run) => res.set(fields(run)).json(film))
    const sayings: [what: string, fields: (run: number) => Record<string, string>][] = [
      ['max-age=0', run => ({ 'Cache-Control': 'max-age=0', 'X-Run': String(run) })],
      ['s-maxage=0', run => ({ 'Cache-Control': 'max-age=60, s-maxage=0', 'X-Run': String(run) })],
      ['max-age=0, must-revalidate', run => ({ 'Cache-Control': 'max-age=0, must-revalidate', 'X-Run': String(run) })],
      ['a max-age that is no number', run => ({ 'Cache-Control': 'max-age=soon', 'X-Run': String(run) })],
      ['an Age above its max-age', run => ({ 'Cache-Control': 'max-age=5', Age: '9', 'X-Run': String(run) })],
      ['Expires in the past', run => ({ Expires: 'Thu, 01 Jan 1970 00:00:00 GMT', 'X-Run': String(run) })],
    ]

    it.each(sayings)('by %s stays, and each 304 brings its own fields', async (_what, fields) => {
      const { get } = await staleApp(express, always(fields), {})
      const answers = []
      for (let i = 0; i < 5; i++) answers.push(await get())
      expect(answers.map(({ headers }) => headers['x-run'])).toEqual(['1', '2', '3', '4', '5'])
      expect(answers.map(({ headers }) => /fwd-status=304/.test(String(headers['cache-status'])))).toEqual([
        ...[false, true, true, true, true],
      ])
      expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1)
    })

    it('with a validator of its own makes its body once', async () => {
      let bodies = 0
      const handler: RequestHandler = (req, res) => {
        res.set({ ETag: '"v1"', 'Cache-Control': 'max-age=0' })
        if (req.fresh) return void res.status(304).end()
        bodies++
        res.send('a costly body')
      }
      const { get } = await staleApp(express, handler, {})
      for (let i = 0; i < 4; i++) expect((await get()).body.toString()).toBe('a costly body')
      expect(bodies).toBe(1)
    })
  })
})
