import type { BodyFilter } from './options.js'

/**
 * What of a service's request belongs to the key: `cacheTts({ body: openaiSpeech })`. Each leaves out what changes nothing in the answer,
 * takes a field that is absent for the service's default, and keeps fields it does not know: a new parameter makes a new entry, never a
 * wrong answer. The address of the service is the app's own business: two of them behind one route are told apart by `key`.
 */

/** `POST /v1/chat/completions` of OpenAI and of all who speak like it. Streams and plain answers are entries of their own. */
export const openaiChat: BodyFilter = {
  ignore: ['user', 'safety_identifier', 'prompt_cache_key', 'metadata', 'store'],
  defaults: {
    stream: false,
    n: 1,
    temperature: 1,
    top_p: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    logprobs: false,
  },
}

/** `POST /v1/audio/speech` of OpenAI and of all who speak like it. */
export const openaiSpeech: BodyFilter = {
  ignore: ['user', 'safety_identifier', 'metadata'],
  defaults: { response_format: 'mp3', speed: 1, stream_format: 'audio' },
}

/** `POST /v1/text-to-speech/:voice` of ElevenLabs; its voice and `output_format` are in the URL. */
export const elevenLabs: BodyFilter = {
  ignore: ['enable_logging', 'previous_request_ids', 'next_request_ids'],
  // Where they name what was spoken before, the voice goes on from there.
  bypass: ['previous_request_ids', 'next_request_ids'],
}

/** `POST /v1/text:synthesize` of Google Cloud: everything in it can be heard. */
export const googleSpeech: BodyFilter = { ignore: [] }
