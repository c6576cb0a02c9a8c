/** A part, a confirmation, a failed precondition: answers to what one client asked. */
const OF_ONE_CLIENT: ReadonlySet<number> = new Set([206, 304, 412, 416])

/** Whether an answer of this status may be stored at all: final, no error of the server, and everybody's. */
export const isStorableStatus = (status: number): boolean =>
  Number.isInteger(status) && status >= 200 && status < 500 && !OF_ONE_CLIENT.has(status)
