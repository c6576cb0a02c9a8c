import { isThenable } from './core/maybe.js'
import type { MaybePromise } from './core/types.js'
import type { ResolvedRoute } from './options.js'
import { warnOfAnswer } from './warnings.js'

type Ask<Given extends unknown[]> = (...given: Given) => unknown

/** The same route, whose functions fail where they answer with what cannot be used, and say so once. */
export function withCheckedAnswers(factory: string, route: ResolvedRoute): ResolvedRoute {
  const { key, movieId, bypass, complete } = route
  return {
    ...route,
    ...(key && { key: atOnce(`${factory}.key`, key) }),
    ...(movieId && { movieId: atOnce(`${factory}.movieId`, movieId) as typeof movieId }),
    ...(bypass && { bypass: yesOrNo(`${factory}.bypass`, atOnce(`${factory}.bypass`, bypass)) }),
    ...(complete && { complete: isTrue(`${factory}.complete`, complete) }),
  }
}

/** A hit leaves in the turn of the event loop in which its request came: nobody waits for a key. */
function atOnce<Given extends unknown[]>(name: string, ask: Ask<Given>): Ask<Given> {
  const refuse = refusal(name)
  return (...given) => {
    const said = ask(...given)
    if (!isThenable(said)) return said
    Promise.resolve(said).catch(() => undefined)
    throw refuse('a promise', 'answer at once: await in middleware in front, and leave the result on the request')
  }
}

/** What is neither a yes nor a no may be meant as either. */
function yesOrNo<Given extends unknown[]>(name: string, ask: Ask<Given>): (...given: Given) => boolean {
  const refuse = refusal(name)
  return (...given) => {
    const said = ask(...given)
    if (said === true || !said) return said === true
    throw refuse(kindOf(said), 'answer true or false')
  }
}

/** Whether it answers `true`, at once or later: what throws or rejects has not. */
function isTrue<Given extends unknown[]>(name: string, ask: Ask<Given>): (...given: Given) => MaybePromise<boolean> {
  const refuse = refusal(name)
  const judge = (said: unknown): boolean => {
    if (said !== true && said !== false) refuse(kindOf(said), 'answer true or false: only true is a yes')
    return said === true
  }
  return (...given) => {
    try {
      const said = ask(...given)
      return isThenable(said) ? Promise.resolve(said).then(judge, () => false) : judge(said)
    } catch {
      return false
    }
  }
}

/** Makes the error of an answer that cannot be used, and warns of the first. */
function refusal(name: string): (kind: string, advice: string) => Error {
  let isWarned = false
  return (kind, advice) => {
    if (!isWarned) warnOfAnswer(name, kind, advice)
    isWarned = true
    return new TypeError(`${name} answered with ${kind}`)
  }
}

const kindOf = (said: unknown): string =>
  said === undefined ? 'nothing' : said === null ? 'null' : `a value of type ${typeof said}`
