import { savingOf } from '../../lib/core/saving.js'
import { entryOf } from '../tiers/tier-contract.js'
import { fakeClock } from '../support/clock.js'

const entry = entryOf({ handlerTime: 250 }, fakeClock())
const sent = (statusCode: number, contentRange?: string): Parameters<typeof savingOf>[3] => ({
  statusCode,
  getHeader: name => (name === 'content-range' ? contentRange : undefined),
})

describe('a hit saves a run of the handler', () => {
  it.each([
    ['GET', 'the whole', sent(200)],
    ['POST', 'the whole', sent(200)],
    ['GET', 'a redirect', sent(301)],
    ['GET', 'the news that nothing has changed', sent(304)],
    ['GET', 'all of it as a part', sent(206, 'bytes 0-999/1000')],
    ['GET', 'its beginning', sent(206, 'bytes 0-99/1000')],
    ['GET', 'a beginning of eleven bytes', sent(206, 'bytes 0-10/1000')],
  ])('when it answers %s with %s', (method, _, res) => {
    expect(savingOf(entry, 0.01, method, res)).toEqual({ time: 250, cost: 0.01 })
  })
})

describe('a hit saves nothing', () => {
  it.each([
    ['HEAD', 'the head', sent(200)],
    ['GET', 'a later part', sent(206, 'bytes 100-199/1000')],
    ['GET', 'the end', sent(206, 'bytes 999-999/1000')],
    ['GET', 'the two bytes that Safari asks for before it plays', sent(206, 'bytes 0-1/1000')],
    ['GET', 'the news that there is no such part', sent(416, 'bytes */1000')],
  ])('when it answers %s with %s', (method, _, res) => {
    expect(savingOf(entry, 0.01, method, res)).toBeUndefined()
  })
})
