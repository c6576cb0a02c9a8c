import { once } from 'node:events'
import { createServer } from 'node:net'
import { startFailure } from '../../demo-server/src/start-failure.js'
import type { AddressInfo } from 'node:net'

const place = { host: '127.0.0.1', port: 3000 }
const failure = (code: string): Error => Object.assign(new Error('listen'), { code })

describe('a demo that cannot listen', () => {
  it('says that the port is taken, and which to try', async () => {
    const first = createServer().listen(0, '127.0.0.1')
    await once(first, 'listening')
    const { port } = first.address() as AddressInfo
    const [error] = await once(createServer().listen(port, '127.0.0.1'), 'error')
    expect(startFailure(error, { ...place, port })).toBe(
      `Port ${port} is taken. Write PORT=${port + 1} npm run demo, or end what listens there.`,
    )
    first.close()
  })

  it.each([
    ['EACCES', /without more rights/],
    ['ERR_SOCKET_BAD_PORT', /PORT is no port/],
    ['EADDRNOTAVAIL', /127\.0\.0\.1 is no address of this machine/],
    ['ENOTFOUND', /HOST=127\.0\.0\.1/],
  ])('says what to write for %s', (code, sentence) => {
    expect(startFailure(failure(code), place)).toMatch(sentence)
  })

  it.each([new Error('other'), failure('ENOSPC'), undefined, 'text'])('leaves %p to whoever starts it', error => {
    expect(startFailure(error, place)).toBeUndefined()
  })
})
