import type { Request } from 'express'
import { isRepeatable } from '../../lib/http/refresh.js'

const app = () => undefined

const request = (parts: { app?: unknown; method: string; body?: unknown; type?: string }): Request => {
  const { type, ...others } = { app, ...parts }
  return { ...others, headers: type === undefined ? {} : { 'content-type': type } } as unknown as Request
}

const post = (body: unknown, type?: string): Request =>
  request({ method: 'POST', body, ...(type !== undefined && { type }) })

describe('a request that can be run again', () => {
  it.each<[string, Request]>([
    ['GET', request({ method: 'GET' })],
    ['HEAD', request({ method: 'HEAD' })],
    ['GET, whatever a parser has left', request({ method: 'GET', body: {} })],
    ['POST without a body', post(undefined)],
    ['POST with JSON', post({ a: 1 }, 'application/json')],
    ['POST with a list', post([1], 'application/json')],
    ['POST with null', post(null, 'application/json')],
    ['POST with JSON of another type', post({ a: 1 }, 'application/vnd.films+json')],
    ['POST with JSON in UTF-8', post({ a: 1 }, 'application/json; charset=UTF-8')],
    ['POST with JSON in UTF-8, quoted', post({ a: 1 }, 'application/json;charset="utf-8"; v=1')],
    ['POST with text', post('a', 'text/plain')],
    ['POST with text in UTF-8', post('a', 'text/plain; charset=utf-8')],
    ['POST with bytes', post(Buffer.from('a'), 'application/octet-stream')],
    ['POST with bytes that are called JSON', post(Buffer.from('{}'), 'application/json')],
    ['POST with bytes in another charset', post(Buffer.from('a'), 'text/plain; charset=latin1')],
  ])('%s', (_, req) => {
    expect(isRepeatable(req)).toBe(true)
  })

  it.each<[string, Request]>([
    ['one that no app serves', request({ method: 'GET', app: undefined })],
    ['a form', post({ a: '1' }, 'application/x-www-form-urlencoded')],
    ['a form of parts', post({ a: '1' }, 'multipart/form-data; boundary=b')],
    ['an object without a type', post({ a: 1 })],
    ['JSON in another charset', post({ a: 1 }, 'application/json; charset=utf-16le')],
    ['JSON in a charset that begins like UTF-8', post({ a: 1 }, 'application/json; charset=utf-80')],
    ['text in another charset', post('a', 'text/plain; charset=iso-8859-1')],
    ['a text that is called JSON', post('true', 'application/json')],
    ['XML that names JSON', post({ a: 1 }, 'application/xml; of=application/json')],
  ])('is not %s', (_, req) => {
    expect(isRepeatable(req)).toBe(false)
  })
})
