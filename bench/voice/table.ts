import { quantile } from '#bench/turn/hear.ts'

/** Whether a limit is held, and which. */
export interface Verdict {
  readonly says: string
  readonly isHeld: boolean
}

/** Begins the table. */
export function header(title: string): void {
  console.log(`| ${title} | p50 | p95 |`)
  console.log('| --- | --- | --- |')
}

/** A row of milliseconds as p50 and p95, of one figure, or of what was counted. */
export function row(name: string, found: readonly number[] | string): void {
  const ms = (part: number) => `${quantile(typeof found === 'string' ? [] : found, part).toFixed(1)} ms`
  if (typeof found === 'string') console.log(`| ${name} | ${found} | |`)
  else console.log(`| ${name} | ${ms(0.5)} | ${found.length > 1 ? ms(0.95) : ''} |`)
}
