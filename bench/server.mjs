// One variant in a process of its own. Reports its port once it listens, then answers orders over IPC.
import { createServer } from 'node:http'
import { counted, live, makeApp } from './app.mjs'
import { findVariant } from './find.mjs'
import { peakOf } from './peak.mjs'
import { workloads } from './workloads.mjs'

const { variant, workload, directory, add, ...settings } = JSON.parse(process.argv[2])
const { handlers, calls } = counted(live)

const orders = {
  sample: () => {
    const { user, system } = process.cpuUsage()
    return { cpu: user + system, calls: calls(), peak: peakOf() }
  },
  resident: () => {
    globalThis.gc()
    return process.memoryUsage().rss
  },
}

try {
  const { serve } = await findVariant(variant, add)
  const made = await serve({
    app: cache => makeApp(handlers, cache),
    requests: workloads[workload]?.requests ?? [],
    directory,
    ...settings,
  })
  Object.assign(orders, { reset: made.reset, close: made.close, stats: made.stats })
  const server = made.server ?? createServer(made.app)
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1', 1_024, () => process.send({ id: 0, result: server.address().port }))
} catch ({ message }) {
  process.send({ id: 0, error: message })
}
process.on('message', async ({ id, order }) => process.send({ id, result: await orders[order]?.() }))
process.on('disconnect', () => process.exit())
