import { Journal } from '../../lib/ops/journal.js'

const clock = { time: 0, now: () => clock.time++ }
const journalOf = (...keys: string[]): Journal => {
  const journal = new Journal(clock)
  for (const key of keys) journal.note({ type: 'stored', profile: 'api', key, bytes: 5 })
  return journal
}
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => `api ${n}`)

describe('the journal', () => {
  it('knows the last thing that became of a key', () => {
    const journal = journalOf('api a', 'api b')
    journal.note({ type: 'evicted', profile: 'api', key: 'api a', cause: 'entries', age: 7 })
    expect(journal.of('api a')?.event).toMatchObject({ type: 'evicted', age: 7 })
    expect(journal.of('api b')?.event.type).toBe('stored')
    expect(journal.of('api c')).toBeUndefined()
  })

  it('knows the last thing also where its notes have begun anew', () => {
    const journal = journalOf(...numbered(1_023), 'api a')
    journal.note({ type: 'expired', profile: 'api', key: 'api a' })
    expect(journal.of('api a')?.event.type).toBe('expired')
  })

  it('says when it was', () => {
    clock.time = 1_000
    expect(journalOf('api a').of('api a')?.at).toBe(1_000)
  })

  it('remembers 1,024 notes, and of keys that are not too long', () => {
    const journal = journalOf(...numbered(1_025), 'x'.repeat(1_025))
    expect(numbered(1_025).filter(key => journal.of(key) === undefined)).toEqual(['api 0'])
    expect(journal.of('x'.repeat(1_025))).toBeUndefined()
    expect(journalOf('x'.repeat(1_024)).of('x'.repeat(1_024))).toBeDefined()
  })

  it('notes nothing of requests', () => {
    const journal = journalOf()
    journal.note({ type: 'miss', profile: 'api', key: 'api a' })
    expect(journal.of('api a')).toBeUndefined()
  })

  it('is empty after a clear', () => {
    const journal = journalOf(...numbered(1_030))
    journal.clear()
    expect(numbered(1_030).filter(key => journal.of(key) !== undefined)).toEqual([])
    journal.note({ type: 'stored', profile: 'api', key: 'api a', bytes: 5 })
    expect(journal.of('api a')).toBeDefined()
  })
})
