import { FileTier } from '../../../lib/tiers/file/tier.js'
import { tierContract } from '../tier-contract.js'
import { temporaryDirectory } from './support.js'

const MiB = 1024 * 1024
const directory = temporaryDirectory()

tierContract(
  'file',
  clock => new FileTier({ dir: directory(), maxBytes: 64 * MiB, minFreeBytes: 0, maxEntryBytes: MiB, clock }),
)
