// A server in a process of its own, which a test may kill, starve or run beside others on one directory.
import { createHash } from 'node:crypto'
import express from 'express'
import { createCache } from '../../dist/esm/index.js'

const { tts, voice, isMute } = JSON.parse(process.argv[2])
const cache = createCache({ tts })
let makesSpeech = !isMute

const errors = []
cache.on('event', event => {
  if (event.type === 'tier-error') errors.push(String(event.error))
})

function speech(movie, text) {
  const digest = createHash('sha256').update(`${movie} ${text}`).digest()
  const outputLength = 1_000 + (digest.readUInt32BE() % 300_000)
  const sound = createHash('shake256', { outputLength }).update(`${movie} ${text} ${voice}`).digest()
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), sound])
}

const app = express().use(express.json())
app.post('/movies/:movieId/tts', cache.cacheTts(), (req, res) => {
  if (makesSpeech) res.type('audio/wav').set('X-Voice', voice).send(speech(req.params.movieId, req.body.text))
  else res.status(599).send('never')
})

const orders = {
  verify: () => cache.verify(),
  stats: () => cache.stats(),
  errors: () => errors,
  close: () => cache.close(),
  makeSpeech: () => {
    makesSpeech = true
  },
}
const server = app.listen(0, '127.0.0.1', () => process.send({ id: 0, result: server.address().port }))
// A busy machine leaves a connection alone for longer than the 5 s after which Node closes it, maybe under the next request.
server.keepAliveTimeout = 60_000
process.on('message', async ({ id, order }) => process.send({ id, result: await orders[order]() }))
process.on('disconnect', () => process.exit())
