import { until } from './until.js'
import { freePort, startRedis, type RedisServer } from './redis-server.js'

/** Three masters without replicas, a third of the slots each. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  readonly ports: readonly number[]
  /** The same command on every node. */
  orderAll(...words: (string | number | Buffer)[]): Promise<unknown[]>
}

const SLOTS = 16_384
const NODES = 3

export async function startCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: NODES }, startNode))
  const orderAll: RedisCluster['orderAll'] = (...words) => Promise.all(nodes.map(node => node.order(...words)))
  const bound = (node: number): number => Math.floor((SLOTS * node) / NODES)
  await Promise.all(nodes.map((node, n) => node.order('CLUSTER', 'ADDSLOTSRANGE', bound(n), bound(n + 1) - 1)))
  // Without it two nodes may claim the same epoch and need seconds to agree.
  await Promise.all(nodes.map((node, n) => node.order('CLUSTER', 'SET-CONFIG-EPOCH', n + 1)))
  const [first, ...others] = nodes
  for (const { busPort, port } of others) await first!.order('CLUSTER', 'MEET', '127.0.0.1', port, busPort)
  await until('the cluster is whole', async () => {
    const infos = (await orderAll('CLUSTER', 'INFO')).map(String)
    return infos.every(info => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`))
  })
  return { nodes, ports: nodes.map(({ port }) => port), orderAll }
}

async function startNode(): Promise<RedisServer & { busPort: number }> {
  const busPort = await freePort()
  const node = await startRedis('cluster-enabled yes', `cluster-port ${busPort}`, 'cluster-node-timeout 2000')
  return { ...node, busPort }
}
