import path from 'node:path'
import { loadMovies } from '../../../demo-server/src/movies.js'

export const demoDir = path.resolve(__dirname, '../../../demo-server')
/** The page and its typeface. */
export const publicDirs = [
  path.join(demoDir, 'public'),
  path.join(require.resolve('@fontsource/league-gothic/package.json'), '../files'),
]
export const workerFile = path.join(demoDir, 'src/speech/worker.js')
export const movies = loadMovies(path.join(require.resolve('vega-datasets'), '../../data/movies.json'))

/** What a WAV file says about itself; its two lengths must fit the bytes there are. */
export function readWav(bytes: Buffer): { isWhole: boolean; sampleRate: number; seconds: number } {
  const sampleRate = bytes.readUInt32LE(24)
  const dataLength = bytes.readUInt32LE(40)
  return {
    isWhole:
      bytes.toString('latin1', 0, 4) === 'RIFF' &&
      bytes.toString('latin1', 8, 16) === 'WAVEfmt ' &&
      bytes.readUInt32LE(4) === bytes.length - 8 &&
      dataLength === bytes.length - 44,
    sampleRate,
    seconds: dataLength / bytes.readUInt32LE(28),
  }
}
