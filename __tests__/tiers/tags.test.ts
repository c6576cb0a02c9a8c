import { TagIndex } from '../../lib/tiers/tags.js'

const get = (movie: string, path: string, more = ''): string => `api ${movie} GET http://localhost ${path}${more}`
const urlOf = (path: string): string => `url:api http://localhost ${path}`

describe('TagIndex', () => {
  it('finds the keys of a movie and of a URL, each once', () => {
    const [one, personal, other] = [get('603', '/a'), get('-', '/a', ' key:text=anna'), get('603', '/b')]
    const index = new TagIndex()
    for (const key of [one, personal, other, other]) index.add(key)
    expect(index.keys('movie:603')).toEqual([one, other])
    expect(index.keys(urlOf('/a'))).toEqual([one, personal])
    expect(index.keys('movie:60')).toEqual([])
  })

  it('leaves out profiles, whoever names no movie, and the URLs of what is no answer to GET', () => {
    const index = new TagIndex()
    index.add('api - POST http://localhost /a body:none')
    expect([index.size, index.keys('profile:api'), index.keys('movie:-'), index.keys(urlOf('/a'))]).toEqual([
      0,
      [],
      [],
      [],
    ])
    index.add('api 603 POST http://localhost /a body:none')
    expect(index.size).toBe(1)
  })

  it('takes movies that are names of object members for movies like others', () => {
    const index = new TagIndex()
    expect(index.keys('movie:constructor')).toEqual([])
    const keys = ['__proto__', 'constructor'].map(movie => get(movie, '/a'))
    for (const key of keys) index.add(key)
    expect(index.keys('movie:__proto__')).toEqual([keys[0]])
  })

  it('holds nothing of what was removed, and a removal of what is not there changes nothing', () => {
    const index = new TagIndex()
    const [one, other, third] = [get('603', '/a'), get('603', '/b'), get('603', '/c')]
    index.add(one)
    index.add(other)
    index.remove(third)
    index.remove(one)
    expect([index.size, index.keys('movie:603')]).toEqual([2, [other]])
    index.remove(other)
    expect(index.size).toBe(0)
  })

  it('gives a list of its own, that removals meanwhile leave alone', () => {
    const index = new TagIndex()
    const added = ['/a', '/b', '/c'].map(path => get('603', path))
    for (const key of added) index.add(key)
    const keys = index.keys('movie:603')
    for (const key of keys) index.remove(key)
    expect([keys, index.keys('movie:603')]).toEqual([added, []])
  })

  it('tells tags apart that share a number', () => {
    const index = new TagIndex()
    const [one, other] = ['26981', '2002710'].map(movie => get(movie, '/a').replace('GET', 'POST')) as [string, string]
    index.add(one)
    index.add(other)
    // Two tags, and one number: other movies would have to be found if the numbers were made in another way.
    expect(index.size).toBe(1)
    expect([index.keys('movie:26981'), index.keys('movie:2002710')]).toEqual([[one], [other]])
    index.remove(other)
    expect([index.keys('movie:26981'), index.keys('movie:2002710')]).toEqual([[one], []])
    index.remove(one)
    expect(index.size).toBe(0)
  })
})
