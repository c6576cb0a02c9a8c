import { ownBytes } from '../../lib/core/own-bytes.js'

describe('bytes of their own', () => {
  it('are those of all chunks in their order', () => {
    expect(ownBytes([]).toString()).toBe('')
    expect(ownBytes([Buffer.from('one '), new Uint8Array([116, 119, 111])]).toString()).toBe('one two')
  })

  it('stay as they are when the chunks are used again', () => {
    const scratch = Buffer.alloc(64, 'a')
    const own = ownBytes([scratch.subarray(8, 40)])
    scratch.fill('b')
    expect(own.toString()).toBe('a'.repeat(32))
  })

  it('keep no larger buffer in memory, as a small part of the pool would', () => {
    const pooled = Buffer.from('abc')
    expect(pooled.buffer.byteLength).toBeGreaterThan(3)
    expect(ownBytes([pooled]).buffer.byteLength).toBe(3)
  })

  it('may be of more chunks than a call takes arguments', () => {
    expect(ownBytes(Array<Buffer>(200_000).fill(Buffer.from('x')))).toHaveLength(200_000)
  })
})
