/**
 * Tags are what `purge` and invalidation find answers by: `profile:api`, `movie:603`, `url:api http://localhost /api/movies/603`. They follow from
 * the text of an answer's key; only a movie that the key does not name is kept beside it.
 */
import { mapProfiles, PROFILES, type CacheEntry, type ProfileName } from './types.js'

/** The second word of a key that names no movie. A movie of this very name is written `%2D`. */
export const NO_MOVIE = '-'

/** What tags follow from: an entry, or a run that is making one. */
export type Tagged = Pick<CacheEntry, 'key' | 'movie'>

const TAGS = mapProfiles(name => `profile:${name}`)
const PROFILES_BY_TAG: ReadonlyMap<string, ProfileName> = new Map(PROFILES.map(name => [TAGS[name], name]))

/** What every entry of a profile carries among its tags. */
export const profileTag = (profile: ProfileName): string => TAGS[profile]

/** The profile whose entries carry this tag; undefined where it is a tag of another kind. */
export const profileOfTag = (tag: string): ProfileName | undefined => PROFILES_BY_TAG.get(tag)

/** Of a movie as it is written in keys. */
export const movieTag = (movie: string): string => `movie:${movie}`

/** Of a URL as it is written in keys. */
export const urlTag = (profile: string, origin: string, url: string): string => `url:${profile} ${origin} ${url}`

/** The profile a key begins with; no profile's name begins with another's. A part of the text would have to be found among V8's names first. */
export const profileOf = (key: string): ProfileName | undefined => PROFILES.find(name => key.startsWith(name))

/** The movie a key speaks of. */
export function movieInKey(key: string): string | undefined {
  const movie = key.split(' ', 2)[1]
  return movie === undefined || movie === NO_MOVIE ? undefined : movie
}

/** The movie an answer is about. */
export const movieOf = ({ key, movie }: Tagged): string | undefined => movieInKey(key) ?? movie

/** The tag of the URL under which an answer is had; only answers to GET have one. */
export function urlTagOf(key: string): string | undefined {
  const [profile, , method, origin, url] = key.split(' ', 5)
  return method === 'GET' && url !== undefined ? urlTag(profile!, origin!, url) : undefined
}

/** The tags of an answer, but for its profile's. */
export function otherTagsOf(tagged: Tagged): string[] {
  const movie = movieOf(tagged)
  return [movie === undefined ? undefined : movieTag(movie), urlTagOf(tagged.key)].filter(tag => tag !== undefined)
}

/** All tags of an answer. */
export const tagsOf = (tagged: Tagged): string[] => [profileTag(profileOf(tagged.key)!), ...otherTagsOf(tagged)]
