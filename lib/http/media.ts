import { essence } from '../core/media-type.js'
import { chain } from '../core/maybe.js'
import type { MaybePromise, ProfileName } from '../core/types.js'
import type { RefusalReason } from '../core/outcomes.js'

/** The first bytes of the audio types whose first bytes are known. */
const AUDIO: Readonly<Record<string, (head: Buffer) => boolean>> = {
  'audio/mpeg': isMpeg,
  'audio/mp3': isMpeg,
  'audio/wav': isWave,
  'audio/wave': isWave,
  'audio/x-wav': isWave,
  'audio/vnd.wave': isWave,
  'audio/ogg': isOgg,
  'audio/opus': isOgg,
  'audio/flac': head => startsWith(head, 'fLaC') || startsWith(head, 'ID3'),
  'audio/aac': head => isAdts(head) || startsWith(head, 'ID3') || startsWith(head, 'ADIF'),
  'audio/mp4': isMp4,
  'audio/m4a': isMp4,
  'audio/x-m4a': isMp4,
  'audio/webm': head => head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3,
}

const startsWith = (head: Buffer, text: string, at = 0): boolean =>
  head.toString('latin1', at, at + text.length) === text

// ISO/IEC 11172-3: eleven set bits, then a layer that is not the reserved one.
function isMpeg(head: Buffer): boolean {
  const sync = head.length >= 2 && head[0] === 0xff && (head[1]! & 0xe0) === 0xe0 && (head[1]! & 0x06) !== 0
  return sync || startsWith(head, 'ID3')
}

// ISO/IEC 13818-7: twelve set bits, then layer 0.
function isAdts(head: Buffer): boolean {
  return head.length >= 2 && head[0] === 0xff && (head[1]! & 0xf6) === 0xf0
}

function isWave(head: Buffer): boolean {
  return (startsWith(head, 'RIFF') || startsWith(head, 'RF64')) && startsWith(head, 'WAVE', 8)
}

function isOgg(head: Buffer): boolean {
  return startsWith(head, 'OggS')
}

function isMp4(head: Buffer): boolean {
  return startsWith(head, 'ftyp', 4)
}

/** What is sent as things happen, to each listener what happens while it listens, and often without an end. */
const OPEN_ENDED = new Set([
  ...['text/event-stream', 'multipart/x-mixed-replace', 'application/x-ndjson', 'application/ndjson'],
  ...['application/jsonl', 'application/x-jsonlines', 'application/json-seq', 'application/stream+json'],
])

/** Whether an answer is shared only once it has ended. What a model says has an end, and begins with its beginning. */
export const isOpenEnded = (profile: ProfileName, contentType: string | undefined): boolean =>
  profile !== 'ai' && OPEN_ENDED.has(essence(contentType))

export const isEventStream = (contentType: string | undefined): boolean => essence(contentType) === 'text/event-stream'

// Each hit asks this: a look is enough, and makes no text.
export const isAudio = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^\s*audio\//i.test(contentType)

/** A type whose first bytes are known, so that a body can be told from a page that only says it is audio. */
export const isKnownAudio = (contentType: string | undefined): boolean =>
  contentType !== undefined && Object.hasOwn(AUDIO, essence(contentType))

/**
 * Whether a whole body is what its profile keeps. A silent or wrong file would be played again until somebody noticed, and a cut-off answer
 * of a model looks like a short one.
 */
export function judgeBody(
  profile: ProfileName,
  contentType: string | undefined,
  encoded: boolean,
  body: Buffer,
  complete?: (body: Buffer) => MaybePromise<boolean>,
): MaybePromise<RefusalReason | undefined> {
  if ((profile === 'tts' || isAudio(contentType)) && body.length === 0) return 'empty-audio'
  const reason = judgeStart(profile, contentType, encoded, body)
  if (reason !== undefined) return reason
  const isMarked = profile === 'ai' && isEventStream(contentType) && !encoded
  const isWhole = complete ?? (isMarked ? hasEndMarker : undefined)
  return isWhole === undefined ? undefined : chain(isWhole(body), is => (is ? undefined : 'incomplete'))
}

/** Bytes from the beginning that tell what audio is. */
export const START_BYTES = 16

/** What can be said against a body from its first bytes. */
export function judgeStart(
  profile: ProfileName,
  contentType: string | undefined,
  encoded: boolean,
  body: Buffer,
): RefusalReason | undefined {
  const isRight = profile === 'tts' || isAudio(contentType) ? AUDIO[essence(contentType)] : undefined
  return encoded || isRight === undefined || isRight(body.subarray(0, START_BYTES)) ? undefined : 'audio-type'
}

/** OpenAI ends a stream with `data: [DONE]`, Anthropic with the event `message_stop`. */
function hasEndMarker(body: Buffer): boolean {
  const tail = body.toString('latin1', Math.max(0, body.length - 4_096))
  return /(^|[\r\n])data: ?\[DONE\][\r\n]/.test(`${tail}\n`) || /(^|[\r\n])event: ?message_stop[\r\n]/.test(tail)
}
