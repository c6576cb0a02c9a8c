/** Apps as the documentation of each package writes them, with a place for the cache in front of what the package answers. */
const { createServer } = require('node:http')

/** What every film route answers; `onRun` is told of each run. */
const film = onRun => {
  onRun()
  return { title: 'Amélie' }
}

const graphqlHttp = ({ express, cache, onRun }) => {
  const { buildSchema } = require('graphql')
  const { createHandler } = require('graphql-http/lib/use/express')
  const schema = buildSchema('type Query { film: Film } type Film { title: String }')
  return express()
    .use(express.json())
    .all('/graphql', cache, createHandler({ schema, rootValue: { film: () => film(onRun) } }))
}

const trpc = ({ express, cache, onRun }) => {
  const { initTRPC } = require('@trpc/server')
  const { createExpressMiddleware } = require('@trpc/server/adapters/express')
  const t = initTRPC.create()
  return express().use(
    '/trpc',
    cache,
    createExpressMiddleware({ router: t.router({ film: t.procedure.query(() => film(onRun)) }) }),
  )
}

/** Without a cache hint Apollo says `no-store`. */
const apollo =
  hints =>
  async ({ express, cache, onRun, onClose }) => {
    const { ApolloServer } = require('@apollo/server')
    const { ApolloServerPluginCacheControl } = require('@apollo/server/plugin/cacheControl')
    const { expressMiddleware } = require('@as-integrations/express5')
    const server = new ApolloServer({
      typeDefs: 'type Query { film: Film } type Film { title: String }',
      resolvers: { Query: { film: () => film(onRun) } },
      stopOnTerminationSignals: false,
      plugins: [ApolloServerPluginCacheControl(hints)],
    })
    await server.start()
    onClose(() => server.stop())
    return express().use('/graphql', express.json(), cache, expressMiddleware(server))
  }

/** Feathers brings an Express 4 of its own. */
const feathersApp = ({ cache, onRun }) => {
  const { feathers } = require('@feathersjs/feathers')
  const { default: express, json, rest } = require('@feathersjs/express')
  const app = express(feathers())
  app.use(json()).use(cache)
  app.configure(rest())
  return app.use('films', { find: async () => [film(onRun)] })
}

const proxy =
  options =>
  async ({ express, cache, onRun, onClose }) => {
    const { createProxyMiddleware } = require('http-proxy-middleware')
    const upstream = createServer((_req, res) => {
      res.setHeader('Content-Type', 'application/json').end(JSON.stringify(film(onRun)))
    })
    await new Promise(resolve => upstream.listen(0, '127.0.0.1', resolve))
    onClose(() => upstream.close())
    const target = `http://127.0.0.1:${upstream.address().port}`
    return express().use('/films', cache, createProxyMiddleware({ target, ...options }))
  }

/** The Express inside is the plugin's; it puts `send` and `headersSent` of its own on the response. */
const fastifyExpress =
  answer =>
  async ({ cache, onRun, onClose }) => {
    const app = require('fastify')()
    await app.register(require('@fastify/express'))
    app.use('/films', cache)
    app.use('/films', (_req, res) => answer(res, film(onRun)))
    await app.ready()
    onClose(() => app.close())
    return (req, res) => app.routing(req, res)
  }

module.exports = { graphqlHttp, trpc, apollo, feathersApp, proxy, fastifyExpress }
