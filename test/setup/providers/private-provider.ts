import { env } from 'cloudflare:workers'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import type { LoginAnswer } from '#src/auth/shapes.ts'
import { configOf, type Config, type Env } from '#src/config.ts'
import type { Answer } from '#test/setup/client.ts'
import { answerFor, type Answering, type Asked } from '#test/setup/providers/fake-world.ts'
import { makeSigningKey, type SigningKey, type SigningWish } from '#test/setup/providers/signing-key.ts'
import { vendors, type Vendor } from '#test/setup/providers/vendors.ts'
import { callWith } from '#test/setup/worker-with.ts'

/** What a legal token says: the raw material of a forgery. */
export interface LegalToken {
  readonly token: string
  readonly kid: string
  readonly claims: Readonly<Record<string, unknown>> & {
    readonly sub: string
    readonly email: string
    readonly iat: number
  }
}

/** A provider of one test alone: its keys, what its URLs answer, and what it was asked. */
export interface PrivateProvider extends Omit<Vendor, 'variables' | 'claims'> {
  readonly name: Provider
  /** Where all of it lies, and its canonical issuer; nobody else asks there. */
  readonly origin: string
  /** The Worker's variables under which this provider is the one. */
  readonly variables: Partial<Env>
  readonly config: Config
  /** The key that signs at the moment. */
  readonly key: () => SigningKey
  /** Its key set, as its URL answers it unless `publish` says otherwise. */
  readonly keySet: () => Response
  /** What was asked of it since the last time that this was read, at one path or at all. */
  readonly takeAsked: (path?: string) => readonly Asked[]
  /** Makes a path answer something else; without an answer, what it did at first. */
  readonly publish: (path: string, answer?: Answering) => void
  /** Signs with a new key from now on, and publishes it in place of the older ones, or beside them. */
  readonly rotate: (options: { keepOlder: boolean }) => Promise<void>
  /** A legal token for somebody new, with other claims as wished; undefined takes one away. */
  readonly legal: (claims?: Readonly<Record<string, unknown>>) => Promise<LegalToken>
  /** The token alone. */
  readonly token: (claims?: Readonly<Record<string, unknown>>, wish?: SigningWish) => Promise<string>
  readonly signIn: (token: string, more?: Readonly<Record<string, unknown>>) => Promise<Answer<LoginAnswer>>
}

/** Where a key set lies, under a private provider's origin. */
export const keySetPath = '/jwks'

/** Founds one, faked at `fetch`; the rest of the world stays. */
export async function foundProvider(name: Provider, replaced: Partial<Env> = {}): Promise<PrivateProvider> {
  const origin = `https://${name}-${crypto.randomUUID()}.test`
  const vendor = vendors[name]
  let newest = await makeSigningKey(name)
  let rotations = 0
  let published = [newest]
  const asked: Asked[] = []
  const answers = new Map<string, Answering>()
  const keySet = () => Response.json({ keys: published.map(({ jwk }) => jwk) })
  answerFor(origin, async (request) => {
    asked.push(request)
    const { pathname } = request.url
    const answer = answers.get(pathname) ?? (pathname === keySetPath ? keySet : undefined)
    return (await answer?.(request)) ?? new Response('nothing here', { status: 404 })
  })
  const variables = { ...(await vendor.variables(origin)), ...replaced }
  const claimsOf = (changes: Readonly<Record<string, unknown>>) => ({ ...vendor.claims(origin), ...changes })
  return {
    ...vendor,
    name,
    origin,
    variables,
    config: configOf({ ...env, ...variables }),
    key: () => newest,
    keySet,
    takeAsked: (path) => asked.splice(0).filter(({ url }) => path === undefined || url.pathname === path),
    publish: (path, answer) => (answer === undefined ? answers.delete(path) : answers.set(path, answer)),
    rotate: async ({ keepOlder }) => {
      rotations += 1
      newest = await makeSigningKey(`${name}, ${rotations}`)
      published = keepOlder ? [newest, ...published] : [newest]
    },
    legal: async (changes = {}) => {
      const claims = claimsOf(changes) as LegalToken['claims']
      return { token: await newest.sign(JSON.stringify(claims)), kid: newest.jwk.kid, claims }
    },
    token: async (changes = {}, wish = {}) => await newest.sign(JSON.stringify(claimsOf(changes)), wish),
    signIn: async (token, more = {}) =>
      await callWith<LoginAnswer>(variables, 'POST', '/auth/login', { body: { provider: name, token, ...more } }),
  }
}
