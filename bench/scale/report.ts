import type { FlightVerdict, Grown, StatementVerdict } from '#bench/scale/verdicts.ts'

/** Every statement at every size, as a table. */
export function tableOfMeasurements(all: readonly Grown[]): string {
  const rows = all.flatMap(({ name, person, sizes }) =>
    sizes.map(({ percent, measured }, at) => [
      at === 0 ? `${name} (${person})` : '',
      `${percent} %`,
      `${measured.rowsRead} / ${measured.returned}`,
      String(measured.buffers),
      measured.p50Ms.toFixed(2),
      measured.p95Ms.toFixed(2),
      at > 0 && measured.nodes === sizes[at - 1]?.measured.nodes ? 'the same' : measured.nodes,
    ]),
  )
  return table(['statement', 'data', 'rows read / returned', 'buffers', 'p50 ms', 'p95 ms', 'plan nodes'], rows)
}

/** What each statement is judged by. */
export function tableOfStatements(verdicts: readonly StatementVerdict[]): string {
  const rows = verdicts.map((verdict) => [
    `${verdict.name} (${verdict.person})`,
    verdict.scannedTables.length === 0 ? 'yes' : `reads all of ${verdict.scannedTables.join(', ')}`,
    verdict.rowsOver <= 0 ? 'yes' : `${verdict.rowsOver} too many`,
    verdict.rlsCost?.toFixed(2) ?? '-',
    verdict.isOk ? 'ok' : 'over',
  ])
  return table(['statement', 'on an index', 'rows within bounds', 'row security ×', 'verdict'], rows)
}

/** What each flight is judged by. */
export function tableOfFlights(verdicts: readonly FlightVerdict[]): string {
  const rows = verdicts.map(({ name, person, buffers, growth, isOk }) => [
    `${name} (${person})`,
    buffers.join(', '),
    growth?.toFixed(2) ?? '-',
    isOk ? 'ok' : 'over',
  ])
  return table(['flight', 'buffers at each size', 'growth ×', 'verdict'], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === head.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
