/** A request or response with whatever middleware puts there, which no type knows. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Loose = any
