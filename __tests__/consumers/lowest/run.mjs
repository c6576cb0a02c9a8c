// Installs the lowest version of each peer dependency that package.json allows, and uses the package with them.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const { peerDependencies, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const lowestOf = range => {
  const [major, minor = 0, patch = 0] = range.match(/[\d.]+/)[0].split('.')
  return `${major}.${minor}.${patch}`
}
const peers = Object.entries(peerDependencies).map(([name, range]) => `${name}@${lowestOf(range)}`)
const others = Object.entries(dependencies).map(([name, range]) => `${name}@${range}`)

const home = mkdtempSync(join(tmpdir(), 'reelcache-lowest-'))
const run = (command, ...args) => execFileSync(command, args, { cwd: home, stdio: 'inherit' })
try {
  console.log(peers.join(' '))
  run('npm', 'init', '-y', '--silent')
  run('npm', 'install', '--silent', '--no-audit', '--no-fund', ...peers, ...others, '@types/node@20', 'typescript@5.9')
  for (const name of ['dist', 'package.json'])
    cpSync(join(root, name), join(home, 'node_modules/reelcache', name), { recursive: true })
  for (const name of ['use.mjs', 'use.mts']) cpSync(join(import.meta.dirname, name), join(home, name))
  run('npx', 'tsc', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023', 'use.mts')
  run(process.execPath, 'use.mjs')
} finally {
  rmSync(home, { recursive: true, force: true })
}
