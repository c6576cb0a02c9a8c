import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { joined, lineOf, locationsOf, members, resetHead, type Fields } from '../../lib/http/headers.js'

describe('a field', () => {
  it.each<[Fields[string], string | undefined, string]>([
    [undefined, undefined, ''],
    ['a', 'a', 'a'],
    [5, '5', '5'],
    [['a'], 'a', 'a'],
    [['a', 'b'], undefined, 'a, b'],
    [[], undefined, ''],
  ])('%j has the one line %j and the list %j', (value, line, list) => {
    expect(lineOf({ x: value }, 'x')).toBe(line)
    expect(joined({ x: value }, 'x')).toBe(list)
  })

  it('of a list has members without space, and no empty ones', () => {
    expect(members(' a,,b c ,\t')).toEqual(['a', 'b c'])
  })

  it('names the URLs of an answer where it is one line', () => {
    expect(locationsOf({ location: '/a', 'content-location': '/b' })).toEqual(['/a', '/b'])
    expect(locationsOf({ location: ['/a', '/c'] })).toEqual([])
  })
})

describe('the header put back', () => {
  it('is the one that stood there, and nothing else', () => {
    const res = new ServerResponse(new IncomingMessage(new Socket()))
    res.setHeader('X-Request-Id', '7')
    res.setHeader('Set-Cookie', ['a=1', 'b=2'])
    const before = res.getHeaders()
    const copy = { ...before }
    res.setHeader('X-Request-Id', '8')
    res.removeHeader('Set-Cookie')
    res.setHeader('ETag', '"a"')
    res.setHeader('Date', 'Sun, 17 May 2026 10:00:00 GMT')
    resetHead(res, before, res.sendDate)
    expect({ ...res.getHeaders() }).toEqual(copy)
    expect(res.sendDate).toBe(true)
  })
})
