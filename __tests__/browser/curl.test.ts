import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startLocalDemo, type Demo } from '../demo/support/demo.js'

const has = (program: string, flag: string) => spawnSync(program, [flag]).status === 0
const hasCurl = has('curl', '--version')
if (!hasCurl) process.emitWarning('curl tests are skipped: apt-get install curl')

/** What was asked, as its bytes and its head lines in lower case. */
interface Got {
  readonly status: string
  readonly head: string
  readonly body: Buffer
}

;(hasCurl ? describe : describe.skip)('curl', () => {
  let demo: Demo
  let dir: string
  let facts: string
  let audio: string
  let speech: Buffer

  beforeEach(async () => {
    demo = await startLocalDemo()
    dir = mkdtempSync(join(tmpdir(), 'reelcache-curl-'))
    facts = `${demo.url}/api/movies/the-dark-knight-2008`
    const made = await demo.post('/api/movies/the-dark-knight-2008/tts', { text: 'Hello, film.' })
    audio = demo.url + made.headers.get('content-location')!
    speech = made.body
  })
  afterEach(async () => {
    await demo.close()
    rmSync(dir, { recursive: true })
  })

  async function curl(...args: string[]): Promise<Got> {
    const [head, body] = [join(dir, 'head'), join(dir, 'body')]
    await promisify(execFile)('curl', ['--silent', '--show-error', '--dump-header', head, '--output', body, ...args])
    const lines = readFileSync(head, 'latin1').toLowerCase()
    return { status: lines.split(' ')[1]!, head: lines, body: readFileSync(body) }
  }

  describe.each([
    ['facts, on a miss', () => facts, 'x-cache: miss', async () => undefined],
    ['facts, on a hit', () => facts, 'x-cache: hit', () => demo.get('/api/movies/the-dark-knight-2008')],
    ['speech', () => audio, 'x-cache: hit', async () => undefined],
  ])('gets %s', (_name, address, outcome, prepare) => {
    let whole: Buffer
    beforeEach(async () => {
      // From another demo, so that asking for it here is still the first time.
      const other = await startLocalDemo()
      whole = address() === audio ? speech : (await other.get('/api/movies/the-dark-knight-2008')).body
      await other.close()
      await prepare()
    })

    it('whole', async () => {
      const { status, head, body } = await curl(address())
      expect([status, body.equals(whole)]).toEqual(['200', true])
      expect(head).toContain(outcome)
      expect(head).toContain(`content-length: ${whole.length}\r\n`)
    })

    it('a part with -r', async () => {
      const { status, head, body } = await curl('-r', '10-29', address())
      expect([status, body.equals(whole.subarray(10, 30))]).toEqual(['206', true])
      expect(head).toContain(`content-range: bytes 10-29/${whole.length}\r\n`)
      expect(head).toContain(outcome)
    })

    it('the end with -r', async () => {
      const { status, body } = await curl('-r', '-20', address())
      expect([status, body.equals(whole.subarray(-20))]).toEqual(['206', true])
    })

    it('the rest of what it has with -C -', async () => {
      const file = join(dir, 'body')
      writeFileSync(file, whole.subarray(0, 100))
      const { status, body } = await curl('-C', '-', address())
      expect([status, body.equals(whole)]).toEqual(['206', true])
    })

    it('the same bytes with --compressed', async () => {
      const { status, body } = await curl('--compressed', address())
      expect([status, body.equals(whole)]).toEqual(['200', true])
    })

    it('the head with -I', async () => {
      const { status, head, body } = await curl('-I', address())
      expect([status, body.includes('HTTP/1.1 200')]).toEqual(['200', true])
      expect(head).toContain(outcome)
      expect(head).toContain(`content-length: ${whole.length}\r\n`)
    })
  })
})
