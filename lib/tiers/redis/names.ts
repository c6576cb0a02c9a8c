import { sha256 } from '../digest.js'

/** Stands in every name: a later format never reads what an earlier one wrote. */
const FORMAT = 'v1'

/** Films whose text can stand between the braces of a hash tag as it is. */
const PLAIN = /^[^{}]{1,64}$/

/** What things are called in the store. All about one film lie in one slot of a cluster; what is about none is spread. */
export class Names {
  readonly purges: string
  readonly outdated: string
  readonly probe: string
  readonly secret: string

  constructor(private readonly prefix: string) {
    this.purges = `${prefix}${FORMAT}:purges`
    this.outdated = `${prefix}${FORMAT}:outdated`
    this.secret = `${prefix}${FORMAT}:secret`
    this.probe = `${prefix}${FORMAT}:probe`
  }

  entry(key: string): string {
    const digest = sha256(key)
    const movie = key.split(' ', 2)[1]
    const scope = movie !== undefined && movie !== '-' && PLAIN.test(movie) ? movie : digest
    return `${this.prefix}${FORMAT}:{${scope}}:${digest}`
  }

  lease(key: string): string {
    return `${this.entry(key)}:lease`
  }
}
