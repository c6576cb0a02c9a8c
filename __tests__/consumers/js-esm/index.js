import express from 'express'
import { cacheApi } from 'reelcache'

const app = express()
app.get('/movies/:movieId', cacheApi(), (req, res) => res.json({ id: req.params.movieId }))

const server = app.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}/movies/603`
  for (let i = 0; i < 2; i++) console.log((await fetch(url)).headers.get('x-cache'))
  server.close()
})
