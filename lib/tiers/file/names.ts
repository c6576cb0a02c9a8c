import { essence } from '../../core/media-type.js'
import { movieInKey } from '../../core/tags.js'
import type { CacheEntry, HeaderMap } from '../../core/types.js'
import { sha256 } from '../digest.js'

/** Stands in the path: a later format never reads what an earlier one wrote. */
export const FORMAT = 'v1'

/** Where the entries lie that carry a tag which their folder does not tell. */
export const TAG_FOLDER = '.tags'

/** Where an entry lies below the format's directory. */
export interface FileLocation {
  readonly folder: string
  readonly digest: string
  readonly extension: string
}

/** The extension under which players know a type. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/wav': 'wav',
  'audio/wave': 'wav',
  'audio/x-wav': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/ogg': 'ogg',
  'audio/opus': 'opus',
  'audio/flac': 'flac',
  'audio/x-flac': 'flac',
  'audio/aac': 'aac',
  'audio/mp4': 'm4a',
  'audio/m4a': 'm4a',
  'audio/x-m4a': 'm4a',
  'audio/webm': 'webm',
}

/** All that a body may be called. */
export const BODY_EXTENSIONS = ['mp3', 'wav', 'ogg', 'opus', 'flac', 'aac', 'm4a', 'webm', 'bin'] as const

const FOLDER = /^(?:[a-z0-9][a-z0-9_-]{0,63}|~[0-9a-f]{32}|-)$/
const BODY = new RegExp(`^([0-9a-f]{64})\\.(${BODY_EXTENSIONS.join('|')})$`)
const META = /^([0-9a-f]{64})\.meta$/
const TEMPORARY = /^\.([0-9a-f]{64})\.([1-9][0-9]{0,9})\.([0-9a-f]{16})-[0-9a-z]{1,12}\.tmp$/
const TAG = /^[0-9a-f]{32}$/
const MARK = /^([a-z0-9~-][a-z0-9_-]{0,63})\.([0-9a-f]{64})$/

export const digestOf = (key: string): string => sha256(key)
export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

/** Lower case and no dots: file systems that ignore case, and names that mean something to a shell or to Windows, stay out. */
export const folderOf = (movie: string | undefined): string => {
  if (movie === undefined) return '-'
  return movie !== '-' && isFolder(movie) && !movie.startsWith('~') ? movie : `~${sha256(movie).slice(0, 32)}`
}
export const isFolder = (name: string): boolean => FOLDER.test(name)

/** Where the entry of a key lies; which extension it has only its header tells. */
export const placeOf = (key: string): Omit<FileLocation, 'extension'> => ({
  folder: folderOf(movieInKey(key)),
  digest: digestOf(key),
})

export const locationOf = ({ key, headers }: Pick<CacheEntry, 'key' | 'headers'>): FileLocation => ({
  ...placeOf(key),
  extension: extensionOf(headers),
})

/** Compressed bytes are not what a player expects under the name of their type. */
function extensionOf(headers: HeaderMap): string {
  const type = headers['content-type']
  if (typeof type !== 'string' || headers['content-encoding'] !== undefined) return 'bin'
  const mediaType = essence(type)
  return Object.hasOwn(EXTENSIONS, mediaType) ? EXTENSIONS[mediaType]! : 'bin'
}

export const bodyName = ({ digest, extension }: Pick<FileLocation, 'digest' | 'extension'>): string =>
  `${digest}.${extension}`
export const metaName = (digest: string): string => `${digest}.meta`

/** A name nobody else uses: the process, the instance and its count are in it. */
export const temporaryName = (digest: string, instance: string, count: number): string =>
  `.${digest}.${process.pid}.${instance}-${count.toString(36)}.tmp`

export type FileName =
  | { readonly is: 'body'; readonly digest: string; readonly extension: string }
  | { readonly is: 'meta'; readonly digest: string }
  | { readonly is: 'temporary'; readonly digest: string; readonly pid: number; readonly instance: string }

/** What a name in a folder of ours says. Undefined: not ours, and never touched. */
export function parseName(name: string): FileName | undefined {
  const body = BODY.exec(name)
  if (body !== null) return { is: 'body', digest: body[1]!, extension: body[2]! }
  const meta = META.exec(name)
  if (meta !== null) return { is: 'meta', digest: meta[1]! }
  const temporary = TEMPORARY.exec(name)
  if (temporary !== null) {
    const [, digest, pid, instance] = temporary as unknown as [string, string, string, string]
    return { is: 'temporary', digest, pid: Number(pid), instance }
  }
  return undefined
}

export const tagName = (tag: string): string => sha256(tag).slice(0, 32)
export const isTagName = (name: string): boolean => TAG.test(name)
export const markName = (folder: string, digest: string): string => `${folder}.${digest}`

export function parseMark(name: string): { folder: string; digest: string } | undefined {
  const mark = MARK.exec(name)
  return mark !== null && isFolder(mark[1]!) ? { folder: mark[1]!, digest: mark[2]! } : undefined
}
