import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = mkdtempSync(join(tmpdir(), 'reelcache-bench-'))
process.once('exit', () => rmSync(root, { recursive: true, force: true }))

/** A directory that is gone when the bench ends. */
export const temporaryDirectory = () => mkdtempSync(join(root, 'variant-'))
