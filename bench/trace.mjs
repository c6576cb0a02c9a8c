// A synthetic day of a movie app: what visitors, a crawler and a script that makes speech ask for.
//
// 3,200 films; who is popular follows Zipf 0.9 and drifts: now and then a film becomes talk of the day. A visitor asks for
//   api       55 % of the time: the film, 2 to 8 KB, 40 to 120 ms of handler
//   enhanced  25 %: the film and what is like it, 8 to 60 KB, 300 to 900 ms
//   ai        10 %: one of 12 questions, the first ones more often, 2 to 12 KB, 1 to 6 s
//   tts       10 %: one of 8 texts, the first ones more often, 100 KB to 1 MB, 0.8 to 5 s, longer text longer
// In the phase `crawler` every second request is a crawler's, which takes every film in turn, as api and as enhanced; in `storm`
// every second one is for speech that nobody asks for again. Nothing expires: what is compared is who is thrown out.
import { seeded, zipf } from './random.mjs'

const FILMS = 3_200
const phases = { calm: 120_000, crawler: 60_000, storm: 60_000, 'calm again': 60_000 }

const kinds = {
  api: { upTo: 0.55, bytes: [2_000, 8_000], cost: [40, 120], texts: 1 },
  enhanced: { upTo: 0.8, bytes: [8_000, 60_000], cost: [300, 900], texts: 1 },
  ai: { upTo: 0.9, bytes: [2_000, 12_000], cost: [1_000, 6_000], texts: 12 },
  tts: { upTo: 1, bytes: [100_000, 1_000_000], cost: [800, 5_000], texts: 8 },
}

/**
 * The requests, in order.
 * @returns {Generator<{ phase: string, profile: string, key: string, bytes: number, cost: number }>}
 */
export function* trace({ part = 1 } = {}) {
  const random = seeded(603)
  const drawPlace = zipf(FILMS, 0.9, random)
  const drawText = Object.fromEntries(Object.entries(kinds).map(([name, { texts }]) => [name, zipf(texts, 1, random)]))
  const popular = shuffled(FILMS, random)
  let asked = 0

  const visit = () => {
    if (asked % 200 === 0) becomeTalkOfTheDay(popular, random)
    const chance = random()
    const profile = Object.keys(kinds).find(name => chance < kinds[name].upTo)
    return answerTo(profile, popular[drawPlace()], drawText[profile]())
  }
  const crawl = step => answerTo(step % 2 === 0 ? 'api' : 'enhanced', (step >> 1) % FILMS, 0)
  const speak = step => answerTo('tts', step % FILMS, 1_000 + step)

  for (const [phase, length] of Object.entries(phases)) {
    const intruder = { crawler: crawl, storm: speak }[phase]
    for (let i = 0; i < length * part; i++) {
      asked++
      const request = intruder !== undefined && i % 2 === 1 ? intruder(i >> 1) : visit()
      yield { phase, ...request }
    }
  }
}

/** Size and cost of an answer are its own, whoever asks and however often. */
function answerTo(profile, film, text) {
  const { bytes, cost } = kinds[profile]
  const random = seeded(1 + film * 100_003 + text * 1_009 + profile.length * 31)
  // The first numbers of seeds near each other are near each other.
  for (let i = 0; i < 5; i++) random()
  const size = random()
  const effort = profile === 'tts' ? size : random()
  return {
    profile,
    key: `${profile} ${film} ${text}`,
    bytes: Math.round(between(bytes, size)),
    cost: between(cost, effort),
  }
}

const between = ([low, high], part) => low + (high - low) * part

function becomeTalkOfTheDay(popular, random) {
  const [film] = popular.splice(Math.floor(random() * FILMS), 1)
  popular.splice(Math.floor(random() * 20), 0, film)
}

function shuffled(count, random) {
  const all = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    ;[all[i], all[other]] = [all[other], all[i]]
  }
  return all
}
