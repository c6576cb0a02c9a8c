const express = require('express')
const { createCache } = require('reelcache')

test('a CommonJS jest project can use the package', async () => {
  const cache = createCache()
  const app = express()
  app.get('/movies/:movieId', cache.cacheApi(), (req, res) => res.json({ id: req.params.movieId }))
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))

  const url = `http://127.0.0.1:${server.address().port}/movies/603`
  for (const expected of ['MISS', 'HIT']) expect((await fetch(url)).headers.get('x-cache')).toBe(expected)

  await cache.close()
  await new Promise(resolve => server.close(resolve))
})
