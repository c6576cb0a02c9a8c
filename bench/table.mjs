/** A Markdown table: names in the first column, numbers in the others. */
export function table(head, rows) {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map(line => String(line[column]).length)))
  const text = line => `| ${line.map((cell, column) => pad(String(cell), widths[column], column)).join(' | ')} |`
  return [text(head), `| ${widths.map((width, column) => rule(width, column)).join(' | ')} |`, ...rows.map(text)].join(
    '\n',
  )
}

const pad = (cell, width, column) => (column === 0 ? cell.padEnd(width) : cell.padStart(width))
const rule = (width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)

export function quantile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const place = (sorted.length - 1) * part
  const below = sorted[Math.floor(place)]
  return below + (sorted[Math.ceil(place)] - below) * (place % 1)
}

export const median = numbers => quantile(numbers, 0.5)

/** Numbers with thousands separated, and with decimals only where they say something. */
export const amount = number =>
  number.toLocaleString('en', number >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 })
export const ratio = number => number.toFixed(2)
export const percent = part => `${(part * 100).toFixed(1)} %`
export const megabytes = bytes => amount(bytes / 1_000_000)
