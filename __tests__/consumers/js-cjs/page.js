const express = require('express')
const { createCache } = require('reelcache')

const cache = createCache({ tts: { fileCache: false } })
const app = express()
app.use('/cache', cache.adminRouter({ authorize: () => true }))

const server = app.listen(0, '127.0.0.1', async () => {
  for (const name of [...process.argv.slice(2), 'directory.cjs']) {
    const { status } = await fetch(`http://127.0.0.1:${server.address().port}/cache/${name}`)
    console.log(`${status} /cache/${name}`)
  }
  server.close()
})
