import { TagIndex } from '../../lib/tiers/tags.js'

const get = (movie: string, path: string, more = ''): string => `api ${movie} GET http://localhost ${path}${more}`
const urlOf = (path: string): string => `url:api http://localhost ${path}`

const tagged = (key: string): { key: string } => ({ key })

describe('TagIndex', () => {
  it('finds the keys of a movie and of a URL, each once', () => {
    const [one, personal, other] = [get('603', '/a'), get('-', '/a', ' key:text=anna'), get('603', '/b')]
    const index = new TagIndex()
    for (const key of [one, personal, other, other]) index.add({ key })
    expect(index.keys('movie:603', tagged)).toEqual([one, other])
    expect(index.keys(urlOf('/a'), tagged)).toEqual([one, personal])
    expect(index.keys('movie:60', tagged)).toEqual([])
  })

  it('leaves out profiles, whoever names no movie, and the URLs of what is no answer to GET', () => {
    const index = new TagIndex()
    index.add({ key: 'api - POST http://localhost /a body:none' })
    expect([
      index.size,
      index.keys('profile:api', tagged),
      index.keys('movie:-', tagged),
      index.keys(urlOf('/a'), tagged),
    ]).toEqual([0, [], [], []])
    index.add({ key: 'api 603 POST http://localhost /a body:none' })
    expect(index.size).toBe(1)
  })

  it('takes movies that are names of object members for movies like others', () => {
    const index = new TagIndex()
    expect(index.keys('movie:constructor', tagged)).toEqual([])
    const keys = ['__proto__', 'constructor'].map(movie => get(movie, '/a'))
    for (const key of keys) index.add({ key })
    expect(index.keys('movie:__proto__', tagged)).toEqual([keys[0]])
  })

  it('holds nothing of what was removed, and a removal of what is not there changes nothing', () => {
    const index = new TagIndex()
    const [one, other, third] = [get('603', '/a'), get('603', '/b'), get('603', '/c')]
    index.add({ key: one })
    index.add({ key: other })
    index.remove({ key: third })
    index.remove({ key: one })
    expect([index.size, index.keys('movie:603', tagged)]).toEqual([2, [other]])
    index.remove({ key: other })
    expect(index.size).toBe(0)
  })

  it('gives a list of its own, that removals meanwhile leave alone', () => {
    const index = new TagIndex()
    const added = ['/a', '/b', '/c'].map(path => get('603', path))
    for (const key of added) index.add({ key })
    const keys = index.keys('movie:603', tagged)
    for (const key of keys) index.remove({ key })
    expect([keys, index.keys('movie:603', tagged)]).toEqual([added, []])
  })

  it('tells tags apart that share a number', () => {
    const index = new TagIndex()
    const [one, other] = ['26981', '2002710'].map(movie => get(movie, '/a').replace('GET', 'POST')) as [string, string]
    index.add({ key: one })
    index.add({ key: other })
    // Two tags, and one number: other movies would have to be found if the numbers were made in another way.
    expect(index.size).toBe(1)
    expect([index.keys('movie:26981', tagged), index.keys('movie:2002710', tagged)]).toEqual([[one], [other]])
    index.remove({ key: other })
    expect([index.keys('movie:26981', tagged), index.keys('movie:2002710', tagged)]).toEqual([[one], []])
    index.remove({ key: one })
    expect(index.size).toBe(0)
  })

  it('finds a movie that stands beside the key, and leaves nothing of it', () => {
    const index = new TagIndex()
    const one = { key: 'api - POST http://localhost /a body:none', movie: '603' }
    index.add(one)
    expect([index.keys('movie:603', () => one), index.keys('movie:603', tagged)]).toEqual([[one.key], []])
    index.remove(one)
    expect(index.size).toBe(0)
  })
})
