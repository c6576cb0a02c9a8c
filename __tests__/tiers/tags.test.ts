import { TagIndex } from '../../lib/tiers/tags.js'

describe('TagIndex', () => {
  it('finds the keys of a tag, each once', () => {
    const index = new TagIndex()
    index.add('a', ['movie:603', 'profile:api'])
    index.add('b', ['movie:603'])
    index.add('b', ['movie:603', 'movie:603'])
    expect(index.keys('movie:603')).toEqual(['a', 'b'])
    expect(index.keys('movie:60')).toEqual([])
  })

  it('leaves out the tags of profiles, and no others that begin so', () => {
    const index = new TagIndex()
    index.add('a', ['profile:api', 'profile:theirs'])
    expect([index.size, index.keys('profile:theirs')]).toEqual([1, ['a']])
    index.remove('a', ['profile:api', 'profile:theirs'])
    expect(index.size).toBe(0)
  })

  it('takes tags that are names of object members for tags like others', () => {
    const index = new TagIndex()
    expect(index.keys('constructor')).toEqual([])
    index.add('a', ['__proto__', 'constructor'])
    expect(index.keys('__proto__')).toEqual(['a'])
    expect(index.size).toBe(2)
  })

  it('holds nothing of what was removed, and a removal of what is not there changes nothing', () => {
    const index = new TagIndex()
    index.add('a', ['t', 'u'])
    index.add('b', ['t'])
    index.remove('c', ['t', 'x'])
    index.remove('a', ['t', 'u'])
    expect([index.size, index.keys('t')]).toEqual([1, ['b']])
    index.remove('b', ['t'])
    expect(index.size).toBe(0)
  })

  it('gives a list of its own, that removals meanwhile leave alone', () => {
    const index = new TagIndex()
    for (const key of ['a', 'b', 'c']) index.add(key, ['t'])
    const keys = index.keys('t')
    for (const key of keys) index.remove(key, ['t'])
    expect([keys, index.keys('t')]).toEqual([['a', 'b', 'c'], []])
  })
})
