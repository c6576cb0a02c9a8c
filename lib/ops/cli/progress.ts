import { printable, printableLine } from '../../core/printable.js'
import type { WarmCounts, WarmProgress } from '../warm/report.js'

/** Where progress is shown. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const BAR = 24
/** A terminal is written to at most so often, other places now and then. */
const REDRAW = 100
const LINE = 5_000
/** Failures of one reason that are shown, and reasons that are told apart; the rest are counted. */
const MOST_ALIKE = 3
const MOST_REASONS = 20

const number = (value: number): string => value.toLocaleString('en-US')

/** On a terminal a bar that moves, elsewhere a line from time to time; what fails has a line of its own. */
export class Progress {
  #shownAt: number
  readonly #since: number
  /** By reason. */
  readonly #failures = new Map<string, number>()

  constructor(
    private readonly screen: Screen,
    /** How much of the input has been read, 0 to 1; undefined where nobody knows how much there is. */
    private readonly share: () => number | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#since = now()
    this.#shownAt = this.#since
  }

  show(progress: WarmProgress): void {
    const { outcome, request, reason } = progress
    if (outcome === 'failed') this.#fail(request, reason ?? '')
    const { isTTY = false } = this.screen
    if (this.now() - this.#shownAt < (isTTY ? REDRAW : LINE)) return
    this.#shownAt = this.now()
    if (isTTY)
      this.screen.write(`\r\x1b[2K${this.#bar()}${this.#counts(progress)}`.slice(0, (this.screen.columns ?? 80) + 4))
    else this.#print(this.#counts(progress))
  }

  /** Takes the bar away, and says how many failures were not shown. */
  end(): void {
    this.#clear()
    for (const [reason, count] of this.#failures) {
      if (count > MOST_ALIKE) this.#print(`failed: ${number(count - MOST_ALIKE)} more: ${printable(reason)}`)
    }
    this.#failures.clear()
  }

  #fail(request: string, reason: string): void {
    const kind = this.#failures.has(reason) || this.#failures.size < MOST_REASONS ? reason : 'other reasons'
    const count = (this.#failures.get(kind) ?? 0) + 1
    this.#failures.set(kind, count)
    if (count <= MOST_ALIKE) this.#print(`failed: ${printable(request)}: ${printable(reason)}`)
  }

  #clear(): void {
    if (this.screen.isTTY === true) this.screen.write('\r\x1b[2K')
  }

  #print(line: string): void {
    this.#clear()
    this.screen.write(`${printableLine(line)}\n`)
  }

  #bar(): string {
    const share = this.share()
    if (share === undefined) return ''
    const full = Math.round(share * BAR)
    return `[${'█'.repeat(full)}${'░'.repeat(BAR - full)}] `
  }

  #counts({ done, warmed, fresh, failed }: WarmCounts): string {
    const rate = Math.round(done / Math.max((this.now() - this.#since) / 1_000, 0.001))
    return `${number(done)} done, ${number(warmed)} warmed, ${number(fresh)} fresh, ${number(failed)} failed, ${number(rate)}/s`
  }
}
