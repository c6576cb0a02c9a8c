import { printable } from '../../core/printable.js'
import type { WarmReport } from '../warm/report.js'

/** What a server says of itself may be anything; the words of this cache are fewer and shorter. */
const MOST_REASONS = 40
const LONGEST_REASON = 40

const number = (value: number): string => value.toLocaleString('en-US')

/** The report for people. */
export function textOf({ done, refused, milliseconds, aborted, ...counts }: WarmReport): string {
  const reasons = Object.entries(refused).sort(([name, one], [other, more]) => more - one || name.localeCompare(other))
  const rows: [name: string, count: number, detail?: string][] = [
    ['warmed', counts.warmed],
    ['fresh', counts.fresh],
    ['stale', counts.stale, 'being refreshed'],
    [
      'refused',
      reasons.reduce((sum, [, count]) => sum + count, 0),
      reasons
        .slice(0, MOST_REASONS)
        .map(([reason, count]) => `${printable(reason, LONGEST_REASON)} ${number(count)}`)
        .join(', '),
    ],
    ['uncached', counts.uncached, 'no Cache-Status of reelcache'],
    ['failed', counts.failed],
  ]
  const shown = rows.filter(([name, count]) => count > 0 || name === 'warmed' || name === 'failed')
  const width = Math.max(...shown.map(([, count]) => number(count).length))
  return [
    `${number(done)} requests in ${(milliseconds / 1_000).toFixed(1)} s${aborted ? ', ended early' : ''}`,
    ...shown.map(([name, count, detail = '']) =>
      `  ${name.padEnd(8)} ${number(count).padStart(width)}  ${detail}`.trimEnd(),
    ),
  ].join('\n')
}
