// Puts the page where the package has it, with what it uses of others: users install neither uPlot nor the font.
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'

const VENDOR = {
  'uPlot.iife.min.js': 'uplot/dist/uPlot.iife.min.js',
  'uPlot.min.css': 'uplot/dist/uPlot.min.css',
  'uPlot.LICENSE.txt': 'uplot/LICENSE',
  'league-gothic.woff2': '@fontsource/league-gothic/files/league-gothic-latin-400-normal.woff2',
  'league-gothic.LICENSE.txt': '@fontsource/league-gothic/LICENSE',
}

const root = new URL('../../../', import.meta.url)
const page = new URL('dist/page/', root)
cpSync(new URL('page/', import.meta.url), page, { recursive: true })
mkdirSync(new URL('vendor/', page), { recursive: true })
for (const [name, source] of Object.entries(VENDOR)) {
  copyFileSync(new URL(`node_modules/${source}`, root), new URL(`vendor/${name}`, page))
}
