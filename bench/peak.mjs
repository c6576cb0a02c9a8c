import { readFileSync } from 'node:fs'

/** Bytes that a process held in memory at most. */
export function peakOf(pid = 'self') {
  // The other way to ask, getrusage, also counts the process this one was started by.
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1_024
  const [, kilobytes] = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(kilobytes) * 1_024
}
