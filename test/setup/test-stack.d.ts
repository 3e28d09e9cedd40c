/** What every test may reach: the database as the Worker and as its owner, the upstream, Neon's endpoint, the Worker's variables. */
export interface TestStack {
  readonly edgeUrl: string
  /** The Worker's own: by a pool as Hyperdrive is one, where PgBouncer is installed. */
  readonly pooledUrl: string
  readonly ownerUrl: string
  /** A second database, for what changes everybody's rows. */
  readonly apart: { readonly edgeUrl: string; readonly ownerUrl: string }
  readonly upstreamOrigin: string
  readonly neonEndpoint: string
  /** Where connections are taken and nothing is said, but over HTTP how many others there are. */
  readonly silentPort: string
  readonly variables: Readonly<Record<string, string>>
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: TestStack
    /** An OpenID provider that none of our code is part of. */
    independent: { readonly issuer: string; readonly clientId: string; readonly clientSecret: string }
  }
}
