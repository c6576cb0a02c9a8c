/** The voices by the names OpenAI's speech API gives them, and who stands in for each when eSpeak speaks. */

export const ESPEAK_VOICES = {
  alloy: 'en-us',
  ash: 'en-us+m1',
  coral: 'en-us+f4',
  echo: 'en-us+m3',
  fable: 'en-gb',
  nova: 'en-us+f3',
  onyx: 'en-us+m7',
  sage: 'en-us+f2',
  shimmer: 'en-gb-scotland+f3',
} as const

export type Voice = keyof typeof ESPEAK_VOICES

export const VOICES = Object.keys(ESPEAK_VOICES) as [Voice, ...Voice[]]

export const isVoice = (name: unknown): name is Voice => VOICES.some(voice => voice === name)
