import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { vi } from 'vitest'
import type { Env } from '#src/config.ts'
import type { LoginAnswer } from '#src/auth/shapes.ts'
import type { Answer } from '#test/setup/client.ts'
import { ourAudience, secondsFromNow } from '#test/setup/google-tokens.ts'
import { callWith } from '#test/setup/worker-with.ts'

type Publish = (init: RequestInit | undefined) => Response | Promise<Response>

/** A Google of one test alone: its keys, what its key set's URL answers, and how often that was asked for. */
export interface PrivateGoogle {
  readonly issuer: string
  /** The Worker's variables under which this Google is the one. */
  readonly variables: Partial<Env>
  /** Its key set, as its URL answers it unless `publish` says otherwise. */
  keySet(): Response
  /** How many times the key set was asked for since the last time that this was read. */
  takeFetches(): number
  /** Makes the key set's URL answer something else; without an argument, the key set again. */
  publish(answer?: Publish): void
  /** Signs with a new key from now on, and publishes it in place of the older ones, or beside them. */
  rotate(options: { keepOlder: boolean }): Promise<void>
  /** A token for somebody new; claims and `kid` as wished. */
  token(claims?: Record<string, unknown>, kid?: string): Promise<string>
  signIn(token: string): Promise<Answer<LoginAnswer>>
}

interface SigningKey {
  readonly privateKey: CryptoKey
  readonly jwk: JWK & { readonly kid: string }
}

/** Founds one. Its key set lies at a URL that nobody else fetches, faked at `fetch`; the rest of the world stays. */
export async function foundGoogle(): Promise<PrivateGoogle> {
  const issuer = `https://google-${crypto.randomUUID()}.test`
  let newest = await makeKey()
  let published = [newest]
  let fetches = 0
  const keySet = () => Response.json({ keys: published.map(({ jwk }) => jwk) })
  let answer: Publish = keySet
  const trueFetch = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = input instanceof Request ? input.url : input.toString()
    if (url !== `${issuer}/jwks`) return await trueFetch(input, init)
    fetches += 1
    return await answer(init)
  })
  const variables = { GOOGLE_ENDPOINTS: JSON.stringify({ issuer, jwks: `${issuer}/jwks` }) }
  return {
    issuer,
    variables,
    keySet,
    takeFetches: () => {
      const taken = fetches
      fetches = 0
      return taken
    },
    publish: (wanted = keySet) => {
      answer = wanted
    },
    rotate: async ({ keepOlder }) => {
      newest = await makeKey()
      published = keepOlder ? [newest, ...published] : [newest]
    },
    token: async (claims = {}, kid = newest.jwk.kid) => await signToken(issuer, newest, claims, kid),
    signIn: async (token) =>
      await callWith<LoginAnswer>(variables, 'POST', '/auth/login', { body: { provider: 'google', token } }),
  }
}

async function signToken(issuer: string, key: SigningKey, claims: Record<string, unknown>, kid: string) {
  const usual = { iss: issuer, aud: ourAudience, iat: secondsFromNow(0), exp: secondsFromNow(3_600) }
  return await new SignJWT({ ...usual, sub: crypto.randomUUID(), ...claims })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(key.privateKey)
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' } }
}
