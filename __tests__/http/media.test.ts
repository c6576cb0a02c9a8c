import { judgeBody } from '../../lib/http/media.js'

const bytes = (...values: number[]): Buffer => Buffer.concat([Buffer.from(values), Buffer.alloc(16)])
const text = (given: string): Buffer => Buffer.from(given, 'latin1')
const speech = (type: string | undefined, body: Buffer, isEncoded = false): unknown =>
  judgeBody('tts', type, isEncoded, body)

describe('audio', () => {
  it.each<[string, Buffer]>([
    ['audio/mpeg', bytes(0xff, 0xfb, 0x90)],
    ['audio/mpeg', bytes(0xff, 0xf3, 0x40)],
    ['audio/mpeg', text('ID3\u0004')],
    ['Audio/MPEG; rate=24000', bytes(0xff, 0xfb)],
    ['audio/wav', text('RIFF\0\0\0\0WAVEfmt ')],
    ['audio/ogg; codecs=opus', text('OggS\0')],
    ['audio/flac', text('fLaC')],
    ['audio/aac', bytes(0xff, 0xf1)],
    ['audio/mp4', text('\0\0\0\u0020ftypM4A ')],
    ['audio/webm', bytes(0x1a, 0x45, 0xdf, 0xa3)],
    ['audio/L16;rate=24000', bytes(0)],
    ['application/octet-stream', bytes(0)],
    ['application/json', text('{"url":"/audio/1.mp3"}')],
  ])('of the type %s that begins as it should is kept', (type, body) => {
    expect(speech(type, body)).toBeUndefined()
  })

  it.each<[string, Buffer]>([
    ['audio/mpeg', text('{"error":"quota"}')],
    ['audio/mpeg', text('<html>')],
    ['audio/mpeg', bytes(0xff, 0xf1)],
    ['audio/mpeg', bytes(0xff)],
    ['audio/wav', text('RIFF\0\0\0\0AVI LIST')],
    ['audio/ogg', text('fLaC')],
    ['audio/aac', bytes(0xff, 0xfb)],
    ['audio/mp4', text('ftyp')],
    ['audio/webm', text('\u001aE')],
  ])('of the type %s that begins as something else is not', (type, body) => {
    expect(speech(type, body)).toBe('audio-type')
  })

  it('without a byte is not kept, whatever its type', () => {
    expect([speech('audio/mpeg', text('')), speech('audio/L16', text('')), speech(undefined, text(''))]).toEqual([
      'empty-audio',
      'empty-audio',
      'empty-audio',
    ])
  })

  it('is looked at on every profile, JSON without a byte is not', () => {
    expect(judgeBody('api', 'audio/mpeg', false, text('{}'))).toBe('audio-type')
    expect(judgeBody('api', 'application/json', false, text(''))).toBeUndefined()
  })

  it('that is encoded cannot be looked at', () => {
    expect(speech('audio/wav', bytes(0x1f, 0x8b), true)).toBeUndefined()
  })
})

describe('an event stream of a model', () => {
  const stream = (body: string, type = 'text/event-stream'): unknown => judgeBody('ai', type, false, text(body))

  it.each([
    'data: {"a":1}\n\ndata: [DONE]\n\n',
    'data:[DONE]',
    'data: a\r\n\r\ndata: [DONE]\r\n\r\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    `${'data: x\n\n'.repeat(2_000)}data: [DONE]\n\n`,
  ])('with its end marker is kept: %j', body => {
    expect(stream(body)).toBeUndefined()
  })

  it.each([
    '',
    'data: {"a":1}\n\n',
    'data: {"text":"data: [DONE]"}\n\n',
    'data: [DONE] or not\n\n',
    ': data: [DONE]\n\n',
    'event: message_stop',
    `data: [DONE]\n\n${'data: x\n\n'.repeat(2_000)}`,
  ])('without it is incomplete: %j', body => {
    expect(stream(body)).toBe('incomplete')
  })

  it('is another thing than JSON, and than a stream of another profile', () => {
    expect(stream('{}', 'application/json')).toBeUndefined()
    expect(judgeBody('api', 'text/event-stream', false, text('data: a\n\n'))).toBeUndefined()
  })
})
