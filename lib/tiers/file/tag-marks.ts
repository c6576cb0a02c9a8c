import { movieInKey, movieTag, urlTagOf, type Tagged } from '../../core/tags.js'
import { CREATE, unless, unlinkIfThere, type FileSystem } from './fs.js'
import type { Folders } from './folders.js'
import type { Locks } from './locks.js'
import { isTagName, markName, parseMark, tagName } from './names.js'
import { namesIn } from './walk.js'

interface Place {
  readonly folder: string
  readonly digest: string
}

/** The names of the tags that the place of an entry does not tell: its URL's, and its movie's where the key names none. */
function tagNamesOf({ key, movie }: Tagged): string[] {
  const ofMovie = movie === undefined || movieInKey(key) !== undefined ? undefined : movieTag(movie)
  return [urlTagOf(key), ofMovie].filter(tag => tag !== undefined).map(tagName)
}

/**
 * Which entries carry a tag, as empty files in a folder for each: an answer to GET carries its URL's, and every successful POST asks for
 * the answers of its own, so that reading all metas would cost too much. A mark may outlive its entry; the meta has the last word.
 */
export class TagMarks {
  constructor(
    private readonly folders: Folders,
    private readonly fs: FileSystem,
  ) {}

  async add(place: Place, tagged: Tagged): Promise<void> {
    for (const name of tagNamesOf(tagged)) await this.#add(place, name)
  }

  async #add(place: Place, name: string): Promise<void> {
    const folder = this.folders.tagPath(name)
    await this.#mark(folder, place).catch(() => {
      // The last entry of this tag went at the same moment, and its folder with it.
      this.folders.forget()
      return this.#mark(folder, place)
    })
  }

  async remove(place: Place, tagged: Tagged): Promise<void> {
    for (const name of tagNamesOf(tagged)) await this.#drop(name, place)
  }

  /** The places of the entries that may carry the tag. */
  places(tag: string): Promise<Place[]> {
    return this.#placesUnder(tagName(tag))
  }

  /** Removes the marks of entries that are gone, or do not carry the tag any more. */
  async removeStale(
    locks: Locks,
    peek: (place: Place) => Promise<{ readonly meta: Tagged | undefined } | undefined>,
  ): Promise<void> {
    if (!(await this.folders.has(this.folders.tagPath()))) return
    for await (const names of namesIn(this.fs, this.folders.tagPath())) {
      for (const name of names.filter(isTagName)) {
        for (const place of await this.#placesUnder(name)) {
          await locks.run(place.digest, async () => {
            const meta = (await peek(place))?.meta
            if (meta === undefined || !tagNamesOf(meta).includes(name)) await this.#drop(name, place)
          })
        }
      }
    }
  }

  async #drop(tag: string, { folder, digest }: Place): Promise<void> {
    const path = this.folders.tagPath(tag)
    if (!(await this.folders.has(this.folders.tagPath())) || !(await this.folders.has(path))) return
    await unlinkIfThere(this.fs, this.folders.tagPath(tag, markName(folder, digest)))
    const isEmpty = await unless(
      ['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY'],
      false,
      this.fs.rmdir(path).then(() => true),
    )
    if (isEmpty) this.folders.forget()
  }

  async #mark(folder: string, place: Place): Promise<void> {
    await this.folders.make(this.folders.tagPath())
    await this.folders.make(folder)
    const path = `${folder}/${markName(place.folder, place.digest)}`
    const file = await unless(['EEXIST'], undefined, this.fs.open(path, CREATE, 0o600))
    await file?.close()
  }

  async #placesUnder(name: string): Promise<Place[]> {
    const path = this.folders.tagPath(name)
    if (!(await this.folders.has(this.folders.tagPath())) || !(await this.folders.has(path))) return []
    const places: Place[] = []
    for await (const names of namesIn(this.fs, path)) {
      places.push(...names.map(parseMark).filter(place => place !== undefined))
    }
    return places
  }
}
