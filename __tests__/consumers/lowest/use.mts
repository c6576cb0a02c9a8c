import express from 'express'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { cacheApi, createCache } from 'reelcache'

createCache({ redis: { client: createClient() } })
const cache = createCache({ redis: { client: new Redis() } })
express().get('/:id', cacheApi(), cache.cacheAi({ key: req => req.ip }), (req, res) => void res.json(req.params.id))
