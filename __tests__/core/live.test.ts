import { LiveBody, type LiveReader } from '../../lib/core/live.js'

/** A reader that takes so many chunks before it asks for a pause. */
class Slow implements LiveReader {
  readonly heard: string[] = []
  #drained: () => void = () => undefined

  constructor(private room = Infinity) {}

  write(chunk: Buffer): boolean {
    this.heard.push(chunk.toString())
    return --this.room > 0
  }
  onDrain(listener: () => void): void {
    this.#drained = listener
  }
  end(): void {
    this.heard.push('end')
  }
  cut(): void {
    this.heard.push('cut')
  }
  drain(room = Infinity): void {
    this.room = room
    this.#drained()
  }
}

const push = (body: LiveBody, ...texts: string[]): void => texts.forEach(text => body.push(Buffer.from(text)))
const joined = (body: LiveBody, room?: number): Slow => {
  const reader = new Slow(room)
  body.join(reader)
  return reader
}
const held = (body: LiveBody): [string, number] => [Buffer.concat(body.chunks).toString(), body.length]

describe('a body while it is made', () => {
  let body: LiveBody
  beforeEach(() => (body = new LiveBody()))

  it('is read on from the bytes of a whole that is held elsewhere', () => {
    const reader = joined(body, 1)
    push(body, 'ab', 'c', 'def')
    const whole = Buffer.from('abcdef')
    body.rebase(whole)
    expect(body.chunks.every(({ buffer }) => buffer === whole.buffer)).toBe(true)
    body.end()
    reader.drain()
    expect(reader.heard).toEqual(['ab', 'c', 'def', 'end'])
  })

  it('is not read from another whole', () => {
    push(body, 'ab')
    body.rebase(Buffer.from('xyz'))
    expect(held(body)).toEqual(['ab', 2])
  })

  it('is read from its beginning whenever one joins', () => {
    const early = joined(body)
    push(body, 'a', 'b')
    const late = joined(body)
    expect(late.heard).toEqual(['a', 'b'])
    push(body, 'c')
    body.end()
    const last = joined(body)
    for (const reader of [early, late, last]) expect(reader.heard).toEqual(['a', 'b', 'c', 'end'])
    expect([body.hasReaders, ...held(body)]).toEqual([false, 'abc', 3])
  })

  it('gives all the same Buffers', () => {
    const heard: Buffer[] = []
    const reader: LiveReader = {
      write: chunk => heard.push(chunk) > 0,
      onDrain: () => undefined,
      end: () => undefined,
      cut: () => undefined,
    }
    for (let count = 0; count < 2; count++) body.join(reader)
    push(body, 'a')
    expect(heard).toHaveLength(2)
    for (const chunk of heard) expect(chunk).toBe(body.chunks[0])
  })

  it('is read by each at its own pace', () => {
    const [quick, slow] = [joined(body), joined(body, 1)]
    push(body, 'a', 'b', 'c')
    expect([quick.heard, slow.heard]).toEqual([['a', 'b', 'c'], ['a']])
    slow.drain(1)
    expect(slow.heard).toEqual(['a', 'b'])
    slow.drain()
    expect(slow.heard).toEqual(['a', 'b', 'c'])
  })

  it('ends for each when it has read it', () => {
    const [quick, slow] = [joined(body), joined(body, 1)]
    push(body, 'a', 'b')
    body.end()
    expect([quick.heard, slow.heard, body.hasReaders]).toEqual([['a', 'b', 'end'], ['a'], true])
    slow.drain()
    expect([slow.heard, body.hasReaders]).toEqual([['a', 'b', 'end'], false])
    slow.drain()
    expect(slow.heard).toEqual(['a', 'b', 'end'])
  })

  it('ends for one that is full with its last chunk: nothing is left to write', () => {
    const full = joined(body, 1)
    push(body, 'a')
    body.end()
    expect(full.heard).toEqual(['a', 'end'])
  })

  it('ends without a byte', () => {
    const reader = joined(body)
    body.end()
    expect(reader.heard).toEqual(['end'])
  })

  it('is cut for all, however far they are', () => {
    const [quick, slow] = [joined(body), joined(body, 1)]
    push(body, 'a', 'b')
    body.cut()
    slow.drain()
    expect([quick.heard, slow.heard]).toEqual([
      ['a', 'b', 'cut'],
      ['a', 'cut'],
    ])
    expect([body.hasReaders, ...held(body)]).toEqual([false, '', 0])
  })

  it('is cut once, and not ended afterwards', () => {
    const reader = joined(body)
    body.cut()
    body.cut()
    body.end()
    expect(reader.heard).toEqual(['cut'])
  })

  it('is not read by those who have left', () => {
    const [gone, there] = [new Slow(1), joined(body)]
    const leave = body.join(gone)
    push(body, 'a', 'b')
    leave()
    leave()
    gone.drain()
    push(body, 'c')
    body.end()
    expect([gone.heard, there.heard]).toEqual([['a'], ['a', 'b', 'c', 'end']])
  })

  it('knows whether somebody reads', () => {
    expect(body.hasReaders).toBe(false)
    const leaves = [body.join(new Slow()), body.join(new Slow())]
    expect(body.hasReaders).toBe(true)
    leaves.forEach(leave => leave())
    expect(body.hasReaders).toBe(false)
  })

  it('lets one leave from within its own reading', () => {
    const heard: string[] = []
    let leave = (): void => undefined
    const reader: LiveReader = {
      write: chunk => {
        heard.push(chunk.toString())
        leave()
        return true
      },
      onDrain: () => undefined,
      end: () => void heard.push('end'),
      cut: () => void heard.push('cut'),
    }
    leave = body.join(reader)
    push(body, 'a', 'b')
    body.end()
    expect(heard).toEqual(['a'])
  })
})

describe('a body that nobody needs from its beginning', () => {
  let body: LiveBody
  beforeEach(() => (body = new LiveBody()))

  it('holds what one has not read, up to the bound', () => {
    const [quick, slow] = [joined(body), joined(body, 1)]
    push(body, 'aa', 'bb', 'cc')
    body.shed(4)
    expect([...held(body), slow.heard]).toEqual(['bbcc', 4, ['aa']])
    slow.drain(1)
    body.shed(4)
    expect(held(body)).toEqual(['cc', 2])
    slow.drain()
    push(body, 'dd')
    body.shed(4)
    body.end()
    expect(held(body)).toEqual(['', 0])
    for (const reader of [quick, slow]) expect(reader.heard).toEqual(['aa', 'bb', 'cc', 'dd', 'end'])
  })

  it('cuts those off who are further behind, and nobody else', () => {
    const [quick, slow, slowest] = [joined(body), joined(body, 2), joined(body, 1)]
    push(body, 'aa', 'bb', 'cc')
    body.shed(3)
    expect([slow.heard, slowest.heard, ...held(body)]).toEqual([['aa', 'bb'], ['aa', 'cut'], 'cc', 2])
    slow.drain()
    push(body, 'dd')
    body.shed(3)
    body.end()
    for (const reader of [quick, slow]) expect(reader.heard).toEqual(['aa', 'bb', 'cc', 'dd', 'end'])
    expect(slowest.heard).toEqual(['aa', 'cut'])
  })

  it('cuts one off whom a single chunk puts too far behind', () => {
    const slow = joined(body, 1)
    push(body, 'a', 'bbbbb')
    body.shed(4)
    expect([slow.heard, ...held(body)]).toEqual([['a', 'cut'], '', 0])
  })

  it('holds nothing without readers', () => {
    push(body, 'aa', 'bb')
    body.shed(4)
    expect(held(body)).toEqual(['', 0])
  })

  it('is forgotten at once where it is told so', () => {
    push(body, 'aa')
    body.forget()
    expect(held(body)).toEqual(['', 0])
  })
})
