import { parseArgs, type ParseArgsConfig } from 'node:util'
import { ReelcacheError } from '../../errors.js'
import { resolveWarm, type ResolvedWarm } from '../warm/options.js'

export const HELP = `reelcache warm [options] [file]

Asks a running server for what stands in the file, or on standard input, so that its cache holds the answers
before anybody else asks. Each line is a path (/api/movies/603), an address, or a request as JSON:

  {"url": "/api/movies/603/tts", "body": {"text": "Hello"}}
  {"method": "GET", "url": "/api/movies/603", "headers": {"Accept-Language": "de"}}

Empty lines, and lines that begin with #, are passed over.

  --base URL            what paths are added to          (http://localhost:3000)
  --concurrency N       requests under way at one time   (4)
  --rate N              requests begun within a second   (as fast as they are answered)
  --timeout MS          a request fails after so long    (60000)
  --header 'Name: v'    a header of every request, any number of times; 'Host: movies.example' for a server
                        that clients know by another name than you do: the host name is in the key
  --json                the report as JSON
  --version
  --help

Ends with 0 when all went well, 1 when a request failed, 2 when it was called wrongly, 130 after Ctrl-C.`

const OPTIONS = {
  base: { type: 'string', default: 'http://localhost:3000' },
  concurrency: { type: 'string' },
  rate: { type: 'string' },
  timeout: { type: 'string' },
  header: { type: 'string', multiple: true, default: [] },
  json: { type: 'boolean', default: false },
  version: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options']

export type Command =
  | { readonly is: 'help' | 'version' }
  | { readonly is: 'wrong'; readonly message: string }
  | {
      readonly is: 'warm'
      /** Undefined: standard input. */
      readonly file: string | undefined
      readonly isJson: boolean
      readonly options: ResolvedWarm
    }

/** What was asked for on the command line. */
export function commandOf(args: readonly string[]): Command {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
    if (values.help === true || args.length === 0) return { is: 'help' }
    if (values.version === true) return { is: 'version' }
    const [command, file, ...others] = positionals
    if (command !== 'warm')
      return { is: 'wrong', message: `There is no command ${command ?? 'without a name'}: write warm` }
    if (others.length > 0) return { is: 'wrong', message: 'One file is enough' }
    const { base, header, concurrency, rate, timeout } = values
    const numbers = Object.entries({ concurrency, rate, timeout }).filter(([, text]) => text !== undefined)
    const options = resolveWarm({
      ...{ base, headers: headersOf(header) },
      ...Object.fromEntries(numbers.map(([name, text]) => [name, Number(text)])),
    })
    return { is: 'warm', file: file === '-' ? undefined : file, isJson: values.json, options }
  } catch (error) {
    if (!(error instanceof ReelcacheError || isOfParseArgs(error))) throw error
    return { is: 'wrong', message: error.message }
  }
}

const isOfParseArgs = (error: unknown): error is Error =>
  error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

/** One name may come several times. */
function headersOf(lines: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (const line of lines) {
    const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) {
      throw new ReelcacheError(
        'ERR_REELCACHE_INVALID_OPTION',
        `--header is ${JSON.stringify(line)}: write 'Name: value'`,
      )
    }
    ;(headers[name] ??= []).push(value)
  }
  return headers
}
