import { describe, expect, it } from 'vitest'
import page from '../../docs/problems.md?raw'
import { problemResponse, problems, Problem, type ProblemCode } from '#src/http/problem.ts'
import { schemaFaults } from '#test/setup/documented.ts'
import { operations } from '#test/setup/operations.ts'

const codes = Object.keys(problems) as ProblemCode[]
const tests = import.meta.glob<string>(['../{api,contract,faults,setup}/**/*.ts', '!./problems.test.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
})
const sources = import.meta.glob<string>(['../../src/**/*.ts', '!../../src/http/problem.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** Whether a file names a code as a text of its own, or behind its status. */
const names = (code: ProblemCode) => (source: string) => new RegExp(`['"\`](\\d{3} )?${code}['"\`]`).test(source)

describe('every problem', () => {
  it('has a row in docs/problems.md, and no row is of another', () => {
    const rows = codes.map((code) => `| \`${code}\` | ${problems[code].status} | ${problems[code].title} |`)
    expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows)
  })

  it.each(codes)('is provoked by a test: %s', (code) => {
    const files = Object.values(tests).filter(names(code))
    expect(files.length).toBeGreaterThan(0)
  })

  it.each(codes)('comes from somewhere: %s', (code) => {
    expect(Object.values(sources).some(names(code))).toBe(true)
  })

  it('is documented on some route, unless it is no route’s', () => {
    const noRoutes = new Set<ProblemCode>(['method_not_allowed'])
    const documented = JSON.stringify(operations.map(({ document }) => document.responses))
    const missing = codes.filter((code) => !noRoutes.has(code) && !documented.includes(`\`${code}\``))
    expect(missing).toEqual([])
  })

  it.each(codes)('is a problem document that says how to sign in, and when to come back: %s', async (code) => {
    const response = problemResponse(new Problem(code))
    const body: unknown = await response.json()
    const { status, title } = problems[code]
    expect(body).toEqual({ type: `urn:neuraform:problem:${code}`, title, status, code })
    expect(schemaFaults({ $ref: '#/components/schemas/Problem' }, body)).toEqual([])
    expect([response.status, response.headers.get('Content-Type')]).toEqual([status, 'application/problem+json'])
    expect(response.headers.get('WWW-Authenticate')).toBe(status === 401 ? 'Bearer realm="neuraform"' : null)
    const seconds = Number(response.headers.get('Retry-After') ?? '0')
    if ([429, 503, 504].includes(status)) expect(seconds).toBeGreaterThan(0)
  })
})
