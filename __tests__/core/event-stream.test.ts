import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventStream } from '../../lib/core/event-stream.js'
import type { CacheEvent } from '../../lib/core/events.js'

const event: CacheEvent = { type: 'purged', entries: 3 }
const stream = (errors: unknown[] = []): EventStream => new EventStream(error => void errors.push(error))

describe('an event', () => {
  it('reaches listeners until they leave, and the diagnostics channel', () => {
    const events = stream()
    const heard: unknown[] = []
    const listener = (said: CacheEvent): void => void heard.push(['listener', said])
    const subscriber = (said: unknown): void => void heard.push(['channel', said])
    subscribe('reelcache:event', subscriber)
    events.on(listener)
    events.send(event)
    events.off(listener)
    events.send(event)
    unsubscribe('reelcache:event', subscriber)
    events.send(event)
    expect(heard).toEqual([
      ['channel', event],
      ['listener', event],
      ['channel', event],
    ])
  })

  it('does not come back to its sender as the mistake of a listener', () => {
    const errors: unknown[] = []
    const events = stream(errors)
    const mistake = new Error('listener')
    events.on(() => {
      throw mistake
    })
    events.send(event)
    expect(errors).toEqual([mistake])
  })
})

describe('the stream', () => {
  it('knows whether somebody hears', () => {
    const events = stream()
    const listener = (): void => undefined
    expect(events.isHeard).toBe(false)
    events.on(listener)
    expect(events.isHeard).toBe(true)
    events.off(listener)
    expect(events.isHeard).toBe(false)
    subscribe('reelcache:event', listener)
    expect(events.isHeard).toBe(true)
    unsubscribe('reelcache:event', listener)
    expect(events.isHeard).toBe(false)
  })
})
