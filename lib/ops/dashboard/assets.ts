import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

/** A file of the page, as it is sent. */
export interface Asset {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
}

/** What else lies in the directory is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** The files of the page by name, read when the first is asked for: a name is looked up here and never becomes a path. */
export class Assets {
  #files: Promise<ReadonlyMap<string, Asset>> | undefined

  constructor(private readonly directory: () => string) {}

  async get(name: string): Promise<Asset | undefined> {
    try {
      this.#files ??= readAll(this.directory)
      return (await this.#files).get(name)
    } catch {
      // Where a bundler has left the files behind there is no page. What is only out of reach now is looked for again.
      this.#files = undefined
      return undefined
    }
  }
}

async function readAll(directory: () => string): Promise<Map<string, Asset>> {
  const root = directory()
  const names = (await readdir(root, { recursive: true })).filter(name => extname(name) in TYPES)
  return new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, Asset]> => [name.replaceAll('\\', '/'), await read(join(root, name))]),
    ),
  )
}

async function read(path: string): Promise<Asset> {
  const body = await readFile(path)
  // Of the bytes: npm gives every file the same date.
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  return { body, etag, type: TYPES[extname(path)]! }
}
