import * as z from 'zod'

const counts = z.number().default(0)

const Node = z.object({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Actual Rows': counts,
  'Actual Loops': counts,
  'Rows Removed by Filter': counts,
  'Rows Removed by Index Recheck': counts,
  'Shared Hit Blocks': counts,
  'Shared Read Blocks': counts,
  get Plans() {
    return z.array(Node).default([])
  },
})
type Node = z.output<typeof Node>

/** What PostgreSQL says of one statement that it ran, also of one inside a function or behind a foreign key. */
export const Explained = z.object({ 'Query Text': z.string(), Plan: Node })
export type Explained = z.output<typeof Explained>

/** What a statement did, with all that ran inside it. */
export interface Work {
  /** Node types from the outside in, with what scans read by; those of nested statements follow after a semicolon. */
  readonly nodes: string
  /** Rows that scans of tables found or fetched in vain. */
  readonly rowsRead: number
  /** Shared buffers hit or read. */
  readonly buffers: number
  /** Of those, rows of small tables that were read from end to end, which costs less than an index. */
  readonly rowsOfSmallTables: number
  /** Other tables that were read from end to end. */
  readonly scannedTables: readonly string[]
}

/** Sums up a statement; the last plan is its own, those before it ran inside. Throws when there is none. */
export function workOf(plans: readonly Explained[], smallTables: ReadonlySet<string>): Work {
  const own = plans.at(-1)
  if (own === undefined) throw new Error('PostgreSQL explained nothing')
  const inside = plans.slice(0, -1)
  const nodes = plans.flatMap(({ Plan }) => nodesOf(Plan))
  const whole = nodes.filter((node) => node['Node Type'] === 'Seq Scan' && node['Actual Loops'] > 0)
  const isSmall = (node: Node) => smallTables.has(node['Relation Name'] ?? '')
  // A plan counts what its functions and BEFORE triggers read; foreign keys are checked when it has ended.
  const isWrite = own.Plan['Node Type'] === 'ModifyTable'
  const after = isWrite ? inside.filter((plan) => plan['Query Text'].startsWith('SELECT 1 FROM ONLY')) : []
  return {
    nodes: [...new Set([own, ...inside.filter(readsTables)].map(({ Plan }) => shapeOf(Plan)))].join('; '),
    rowsRead: rowsReadBy(nodes),
    rowsOfSmallTables: rowsReadBy(whole.filter(isSmall)),
    buffers: [own, ...after].reduce((sum, { Plan }) => sum + Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks'], 0),
    scannedTables: whole.filter((node) => !isSmall(node)).map((node) => node['Relation Name'] ?? ''),
  }
}

const readsTables = ({ Plan }: Explained) => nodesOf(Plan).some((node) => tableScans.has(node['Node Type']))

const nodesOf = (node: Node): readonly Node[] => [node, ...node.Plans.flatMap(nodesOf)]

const tableScans = new Set(['Seq Scan', 'Index Scan', 'Index Only Scan', 'Bitmap Heap Scan', 'Tid Scan', 'Sample Scan'])

function rowsReadBy(nodes: readonly Node[]): number {
  const rowsOf = (node: Node) =>
    Math.round(
      (node['Actual Rows'] + node['Rows Removed by Filter'] + node['Rows Removed by Index Recheck']) *
        node['Actual Loops'],
    )
  return nodes.filter((node) => tableScans.has(node['Node Type'])).reduce((sum, node) => sum + rowsOf(node), 0)
}

function shapeOf(node: Node): string {
  const by = node['Index Name'] ?? node['Relation Name']
  const name =
    by === undefined || node['Node Type'] === 'ModifyTable' ? node['Node Type'] : `${node['Node Type']} ${by}`
  const inner = node.Plans.map(shapeOf)
  if (inner.length === 0) return name
  return inner.length === 1 ? `${name} > ${inner[0]}` : `${name} > (${inner.join(', ')})`
}
