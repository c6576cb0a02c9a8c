import { mapProfiles, PROFILES, type ProfileName } from './types.js'

const TAGS = mapProfiles(name => `profile:${name}`)
const PROFILES_BY_TAG: ReadonlyMap<string, ProfileName> = new Map(PROFILES.map(name => [TAGS[name], name]))

/** What every entry of a profile carries among its tags. */
export const profileTag = (profile: ProfileName): string => TAGS[profile]

/** The profile whose entries carry this tag; undefined where it is a tag of another kind. */
export const profileOfTag = (tag: string): ProfileName | undefined => PROFILES_BY_TAG.get(tag)
