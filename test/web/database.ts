import { inject } from 'vitest'

/** What gives a stack a new database on the tests' server, which it sets up, in the place of a server of its own. */
export function databaseOfItsOwn(name: string): Readonly<Record<string, string>> {
  const { ownerUrl, edgeUrl } = inject('stack')
  const url = new URL(ownerUrl)
  url.pathname = `/${name}`
  return { DATABASE_URL: url.href, EDGE_PASSWORD: decodeURIComponent(new URL(edgeUrl).password) }
}
