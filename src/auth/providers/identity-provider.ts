import * as z from 'zod'
import type { AuthorizationRequest } from '#src/auth/providers/authorization-request.ts'
import type { Provider, VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'

/**
 * What a provider gave that can be taken back later. It is stored as JSON, sealed: `value` is a secret, but for
 * Facebook, which takes an app away from a user by id. A token goes back to the client id that it was issued to.
 */
export const Grant = z.strictObject({
  kind: z.enum(['refresh_token', 'user_id']),
  value: z.string().min(1).max(8_192),
  client_id: z.string().min(1).max(255),
})
export type Grant = z.output<typeof Grant>

/** What the callback of the redirect flow brought, and what was kept since its start. */
interface CodeExchange {
  readonly code: string
  readonly codeVerifier: string
  readonly redirectUri: string
  /** As it was sent; the ID token must carry it, where the provider gives one. */
  readonly nonce: string
}

/** A code that an SDK gave a client beside its token. */
interface NativeCodeExchange {
  readonly code: string
  /** Whom the token was about. */
  readonly identity: VerifiedIdentity
  /** The URI under which the SDK asked for it, where it did (RFC 6749 §4.1.3). */
  readonly redirectUri: string | undefined
}

/** What came of a code. Without a new grant, the one that is kept from before stays good. */
interface ExchangedCode {
  readonly identity: VerifiedIdentity
  readonly grant: Grant | undefined
}

/** What a provider tells of somebody by itself. */
export interface ProviderEvent {
  /** The same for the same event, however often it is told. */
  readonly id: string
  readonly subject: string
  readonly effect: 'deauthorized' | 'account_deleted' | 'email_disabled' | 'email_enabled'
  /** When it happened there. */
  readonly toldAt: Date
}

/** How old a message of a provider's may be. */
export const longestEventAgeSeconds = 3 * 86_400

/** Names that a client handed over: untrusted text, bounded, well-formed and free of NUL. */
export interface Names {
  readonly firstName: string | null
  readonly lastName: string | null
}

/**
 * One provider of identities. All that is particular to a vendor lies behind it. Whatever asks the provider may throw
 * `not_configured`, `upstream_unavailable` or `upstream_nonsense`; what the provider does not vouch for is
 * `invalid_identity_token`.
 */
export interface IdentityProvider {
  readonly name: Provider
  /** How the provider's answer comes to our callback: in the query, or as a form that its page posts. */
  readonly responseMode: 'query' | 'form_post'

  /** The canonical issuer: stored with an identity, and the only one that a callback may name (RFC 9207). */
  issuerOf(config: Config): string

  /**
   * Who a token of native sign-in is about. `nonce` is what the client presents, raw; the token may carry it raw or as
   * SHA-256 in hex, and what stands on one side only is refused.
   */
  verifyToken(config: Config, token: string, nonce: string | undefined): Promise<VerifiedIdentity>

  /**
   * Trades the `authorization_code` of a native sign-in for what can be taken back later. The code must be of the
   * subject that the token was about. Undefined where the provider gives nothing or this is not configured.
   */
  exchangeNativeCode?(config: Config, exchange: NativeCodeExchange): Promise<Grant | undefined>

  /** Where the browser goes to sign in. */
  authorizationUrl(config: Config, request: AuthorizationRequest): URL

  /** Trades the code of the redirect flow for an identity. A code is good once: this is never repeated. */
  exchangeCode(config: Config, exchange: CodeExchange): Promise<ExchangedCode>

  /** The names that came with a callback's parameters, where the provider sends them so. */
  readCallbackNames?(parameters: Readonly<Record<string, string>>): Names

  /** The grant that follows from an identity alone, where the provider needs no token to take it back. */
  grantOf?(config: Config, subject: string): Grant | undefined

  /**
   * What a signed message of the provider's servers tells; undefined for what needs nothing done. `effect` is that of the
   * URL that it came to, where the message does not say. One older than `longestEventAgeSeconds` is refused.
   */
  readEvent?(
    config: Config,
    signed: string,
    effect: ProviderEvent['effect'] | undefined,
  ): Promise<ProviderEvent | undefined>

  /** Takes a grant back. One that is gone already counts as taken back; every failure may be tried again. */
  revoke(config: Config, grant: Grant): Promise<void>
}
