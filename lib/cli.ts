#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { run } from './ops/cli/run.js'

/** Beside the build, wherever it is installed and however it is linked. */
function version(): string {
  const load = createRequire(realpathSync(process.argv[1]!))
  return (load('../../package.json') as { version: string }).version
}

// Not process.exit: what has been printed must get through a pipe.
void run(process.argv.slice(2), version).then(code => (process.exitCode = code))
