import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { filesIn, pathsOf, speech, speechByGet, tiers } from './support.js'

const { clock, directory, open, ready } = tiers()

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')

describe('the directory', () => {
  it('says in which folder a movie is, plays as it lies there, and tells in one line what a file is', async () => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speech({ headers: { 'content-type': 'audio/mpeg', 'x-voice': 'nova' } }, clock)
    await tier.set(entry)
    const name = sha256(entry.key)
    expect([...filesIn(dir).keys()].sort()).toEqual(['CACHEDIR.TAG', `v1/603/${name}.meta`, `v1/603/${name}.mp3`])
    expect(readFileSync(join(dir, `v1/603/${name}.mp3`))).toEqual(entry.body)
    const text = readFileSync(join(dir, `v1/603/${name}.meta`), 'utf8')
    expect(text).toMatch(/^\{[^\n]*\}\n$/)
    const { digest, ...meta } = JSON.parse(text) as Record<string, unknown>
    expect(meta).toEqual({
      version: 1,
      key: entry.key,
      profile: 'tts',
      status: 200,
      headers: { 'content-type': 'audio/mpeg', 'x-voice': 'nova' },
      removed: [],
      etag: entry.etag,
      handlerEtag: entry.handlerEtag,
      explicit: false,
      size: entry.body.length,
      sha256: sha256(entry.body),
      storedAt: entry.storedAt,
      initialAge: 0,
      freshSpan: entry.freshSpan,
      refreshSpan: entry.refreshSpan,
      coverSpan: entry.coverSpan,
      handlerTime: entry.handlerTime,
      created: '2026-05-17T20:15:00.000Z',
      expires: null,
    })
    expect(digest).toBe(sha256(text.replace(/,"digest":"[0-9a-f]{64}"\}\n$/, '}')))
    expect(readFileSync(join(dir, 'CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/)
  })

  it.each([
    ['audio/mpeg', 'mp3'],
    ['Audio/MPEG; charset=binary', 'mp3'],
    ['audio/wav', 'wav'],
    ['audio/ogg; codecs=opus', 'ogg'],
    ['audio/opus', 'opus'],
    ['audio/flac', 'flac'],
    ['audio/aac', 'aac'],
    ['audio/mp4', 'm4a'],
    ['audio/webm', 'webm'],
    ['application/json', 'bin'],
    ['constructor', 'bin'],
    ['audio/../../mp3', 'bin'],
  ])('gives %s the extension %s', async (type, extension) => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speech({ headers: { 'content-type': type } })
    await tier.set(entry)
    expect(pathsOf(dir, entry).body.endsWith(`.${extension}`)).toBe(true)
    expect(existsSync(pathsOf(dir, entry).body)).toBe(true)
    expect((await tier.get(entry.key))?.body).toEqual(entry.body)
  })

  it('gives compressed audio no extension that a player would believe', async () => {
    const dir = directory()
    const { tier } = open(dir)
    await tier.set(speech({ headers: { 'content-type': 'audio/mpeg', 'content-encoding': 'gzip' } }))
    expect([...filesIn(dir).keys()].some(path => path.endsWith('.bin'))).toBe(true)
  })

  it.each([
    ['603', '603'],
    ['tt0133093', 'tt0133093'],
    ['the_matrix-1999', 'the_matrix-1999'],
    ['-', '-'],
    ['%2D', `~${sha256('%2D').slice(0, 32)}`],
    ['TT0133093', `~${sha256('TT0133093').slice(0, 32)}`],
    ['..', `~${sha256('..').slice(0, 32)}`],
    ['.', `~${sha256('.').slice(0, 32)}`],
    ['a/b', `~${sha256('a/b').slice(0, 32)}`],
    ['con.mp3', `~${sha256('con.mp3').slice(0, 32)}`],
    ['a'.repeat(65), `~${sha256('a'.repeat(65)).slice(0, 32)}`],
    [`~${'0'.repeat(32)}`, `~${sha256(`~${'0'.repeat(32)}`).slice(0, 32)}`],
    ['-603', `~${sha256('-603').slice(0, 32)}`],
    ['Amélie', `~${sha256('Amélie').slice(0, 32)}`],
  ])('puts the movie %j into the folder %s', async (movie, folder) => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speech({ movie })
    await tier.set(entry)
    expect(basename(dirname(pathsOf(dir, entry).meta))).toBe(folder)
    expect(existsSync(pathsOf(dir, entry).meta)).toBe(true)
    expect(await tier.read(folder, sha256(entry.key))).toEqual(await tier.get(entry.key))
    if (movie !== '-') expect(await tier.deleteTag(`movie:${movie}`)).toBe(1)
  })

  it('belongs to its owner alone', async () => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speechByGet('a')
    await tier.set(entry)
    const mode = (path: string): number => statSync(path).mode & 0o777
    const { body, meta, folder } = pathsOf(dir, entry)
    expect([dir, join(dir, 'v1'), folder, join(dir, 'v1/.tags')].map(mode)).toEqual([0o700, 0o700, 0o700, 0o700])
    expect([body, meta, join(dir, 'CACHEDIR.TAG')].map(mode)).toEqual([0o600, 0o600, 0o600])
  })

  it.each(['../603', '..', '.tags', '', '/', 'v1/603'])('has no folder %j to read from', async folder => {
    const { tier } = open(directory())
    const entry = speech()
    await tier.set(entry)
    const digest = sha256(entry.key)
    expect(await tier.read(folder, digest)).toBeUndefined()
    expect(await tier.read('603', `../603/${digest}`)).toBeUndefined()
    expect((await tier.read('603', digest))?.key).toBe(entry.key)
  })
})

describe('a symbolic link', () => {
  it.each(['body', 'meta'] as const)(
    'in the place of a %s is neither followed nor replaced nor removed',
    async part => {
      const dir = directory()
      const { tier } = open(dir)
      const entry = speech()
      await tier.set(entry)
      const path = pathsOf(dir, entry)[part]
      const outside = join(dirname(dir), 'outside')
      renameSync(path, outside)
      const content = readFileSync(outside)
      symlinkSync(outside, path)
      expect(await tier.get(entry.key)).toBeUndefined()
      expect(await tier.set(entry)).toBe(false)
      await tier.sweep()
      await tier.verify()
      await tier.clear()
      expect(readlinkSync(path)).toBe(outside)
      expect(readFileSync(outside)).toEqual(content)
    },
  )

  it.each(['folder', 'root', 'tags'] as const)('in the place of the %s leads nowhere', async place => {
    const dir = directory()
    const first = open(dir)
    const entry = speechByGet('a')
    await first.tier.set(entry)
    await first.tier.close()
    const path = { folder: pathsOf(dir, entry).folder, root: join(dir, 'v1'), tags: join(dir, 'v1/.tags') }[place]
    const outside = join(dirname(dir), 'outside')
    renameSync(path, outside)
    symlinkSync(outside, path)
    const before = filesIn(outside)
    const { tier } = open(dir)
    if (place !== 'tags') expect(await tier.get(entry.key)).toBeUndefined()
    expect(await tier.set(speechByGet('new'))).toBe(false)
    expect(await tier.deleteTag('url:tts http://localhost /speak?text=a')).toBe(0)
    await tier.sweep()
    await tier.verify()
    if (place !== 'tags') await tier.clear()
    expect(filesIn(outside)).toEqual(before)
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
  })

  it('may be the directory itself: that is for the user to say', async () => {
    const dir = directory()
    const real = join(dirname(dir), 'real')
    mkdirSync(real)
    symlinkSync(real, dir)
    const { tier } = open(dir)
    const entry = speech()
    expect(await tier.set(entry)).toBe(true)
    expect(await tier.get(entry.key)).toEqual(entry)
  })
})

describe('what lies in the place of a file', () => {
  it.each(['body', 'meta'] as const)('a directory as %s is a miss and stays', async part => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speech()
    const path = pathsOf(dir, entry)[part]
    mkdirSync(path, { recursive: true })
    expect(await tier.get(entry.key)).toBeUndefined()
    expect(await tier.set(entry)).toBe(false)
    await tier.verify()
    await tier.clear()
    expect(statSync(path).isDirectory()).toBe(true)
  })

  it('a named pipe as meta is a miss, and holds nobody up', async () => {
    const dir = directory()
    const { tier } = open(dir)
    const entry = speech()
    const { folder, meta } = pathsOf(dir, entry)
    mkdirSync(folder, { recursive: true })
    execFileSync('mkfifo', [meta])
    expect(await tier.get(entry.key)).toBeUndefined()
    expect(lstatSync(meta).isFIFO()).toBe(true)
  })
})

it('touches nothing whose name is not one of its own', async () => {
  const dir = directory()
  const { tier } = await ready(dir, { ttl: 1_000 })
  const entry = speechByGet('a', clock)
  await tier.set(entry)
  const digest = sha256('x')
  const foreign = [
    'notes.txt',
    'v1/notes.txt',
    `v1/${digest}.mp3`,
    'v1/603/notes.txt',
    'v1/603/cover.mp3',
    `v1/603/${digest}.exe`,
    `v1/603/${digest}.mp3.bak`,
    `v1/603/${digest.toUpperCase()}.mp3`,
    `v1/603/.${digest}.tmp`,
    `v1/603/.${digest}.0.${'a'.repeat(16)}-0.tmp`,
    `v1/603/deep/${digest}.mp3`,
    `v1/Holiday/${digest}.mp3`,
    `v1/a.b/${digest}.meta`,
    `v2/603/${digest}.meta`,
    'v1/.tags/notes.txt',
  ]
  for (const path of foreign) {
    mkdirSync(join(dir, dirname(path)), { recursive: true })
    writeFileSync(join(dir, path), path)
  }
  const ours = [`v1/603/${digest}.mp3`, `v1/604/${digest}.meta`, `v1/603/.${digest}.999999999.${'a'.repeat(16)}-0.tmp`]
  mkdirSync(join(dir, 'v1/604'))
  for (const path of ours) writeFileSync(join(dir, path), 'of ours')
  clock.advance(3_600_000)
  await tier.sweep()
  await tier.verify()
  await tier.deleteTag('movie:603')
  await tier.deleteTag('url:tts http://localhost /speak?text=a')
  await tier.clear()
  await tier.sweep()
  for (const path of foreign) expect(readFileSync(join(dir, path), 'utf8')).toBe(path)
  expect([...filesIn(dir).keys()].sort()).toEqual(['CACHEDIR.TAG', ...foreign].sort())
})
