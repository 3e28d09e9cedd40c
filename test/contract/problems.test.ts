import { describe, expect, it } from 'vitest'
import page from '../../docs/problems.md?raw'
import { problemResponse, problems, Problem, type ProblemCode } from '#src/http/problem.ts'
import { contract } from '#src/app.ts'
import { operations } from '#test/setup/operations.ts'

const codes = Object.keys(problems) as ProblemCode[]
const tests = import.meta.glob<string>('../**/*.test.ts', { query: '?raw', import: 'default', eager: true })

/** Codes that no test can provoke yet, and why. */
const unprovoked: Readonly<Partial<Record<ProblemCode, string>>> = {
  fresh_sign_in_needed: 'what asks for a fresh sign-in comes with linking and erasure by confirmation',
}

describe('every problem', () => {
  it('has a row in docs/problems.md', () => {
    expect(codes.filter((code) => !page.includes(`| \`${code}\` | ${problems[code].status} |`))).toEqual([])
  })

  it('is provoked by a test', () => {
    const text = Object.entries(tests)
      .filter(([path]) => !path.endsWith('problems.test.ts'))
      .map(([, source]) => source)
      .join('\n')
    const missing = codes.filter((code) => !(code in unprovoked) && !new RegExp(`\\b${code}\\b`).test(text))
    expect(missing).toEqual([])
  })

  it('is documented on some route, unless every route may answer it', () => {
    const everywhere = new Set<ProblemCode>(['method_not_allowed', 'fresh_sign_in_needed'])
    const documented = JSON.stringify(operations.map(({ document }) => document.responses))
    const missing = codes.filter((code) => !everywhere.has(code) && !documented.includes(`\`${code}\``))
    expect(missing).toEqual([])
    expect(contract.components?.schemas).toHaveProperty('Problem')
  })

  it('says how to sign in, and when to come back', () => {
    for (const code of codes) {
      const response = problemResponse(new Problem(code))
      expect([code, response.headers.has('WWW-Authenticate')]).toEqual([code, response.status === 401])
      if ([429, 503, 504].includes(response.status))
        expect([code, response.headers.has('Retry-After')]).toEqual([code, true])
    }
  })
})
