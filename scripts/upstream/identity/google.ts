import * as z from 'zod'
import { findPerson, people, subjectOf, type Person } from '#scripts/upstream/identity/people.ts'
import type { Keyring } from '#scripts/upstream/identity/signing-key.ts'
import { Failure, json, jsonBody, type Ask, type Part } from '#scripts/upstream/part.ts'

const lifetimeSeconds = 3600

const IdTokenRequest = z.strictObject({
  person: z.string().min(1).max(200),
  audience: z.string(),
  nonce: z.string().optional(),
  claims: z.record(z.string(), z.unknown()).default({}),
  omit: z.array(z.string()).default([]),
  payload: z.string().optional(),
  header: z.record(z.string(), z.unknown()).default({}),
})

const RotateRequest = z.strictObject({ retire: z.boolean().default(false) })

/**
 * Google as an OpenID provider. `POST /google/id-token` signs a token for a test person with the true key: `claims`
 * override what Google would send, `omit` takes claims away, `payload` is signed as it stands in place of all claims,
 * `header` overrides the JWS header (null takes a member away), and the answer names the person it is for.
 */
export function googlePart(origin: string, keyring: Keyring): Part {
  const issuer = `${origin}/google`
  return {
    summary: 'Google: signs real ID tokens',
    prefixes: ['/google'],
    routes: {
      'GET /google/.well-known/openid-configuration': () => json(discovery(issuer)),
      'GET /google/jwks': () => json(keyring.published(), { headers: { 'cache-control': 'public, max-age=3600' } }),
      'GET /google/people': () => json({ people }),
      'POST /google/id-token': async (ask) => json(await issueIdToken(ask, issuer, keyring)),
      'POST /google/rotate-key': async (ask) => json({ kid: await keyring.rotate(jsonBody(ask, RotateRequest)) }),
    },
    describeFailure: ({ status, message }) => ({
      error: status === 500 ? 'server_error' : 'invalid_request',
      error_description: message,
    }),
  }
}

async function issueIdToken(ask: Ask, issuer: string, keyring: Keyring) {
  const { person: label, audience, nonce, claims, omit, payload, header } = jsonBody(ask, IdTokenRequest)
  const person = findPerson(label)
  if (person === undefined) throw new Failure(400, 'unknown_person', `Nobody is called ${label}; see /google/people.`)
  const all = { ...claimsOf(person, issuer, audience), ...(nonce === undefined ? {} : { nonce }), ...claims }
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !omit.includes(name)))
  return { id_token: await keyring.sign(payload ?? JSON.stringify(kept), header), person: person.label }
}

/** The claims of a Google ID token (developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload). */
function claimsOf(person: Person, issuer: string, audience: string) {
  const now = Math.floor(Date.now() / 1000)
  const { email, isEmailVerified, hostedDomain, givenName, familyName } = person
  const subject = subjectOf(person)
  return {
    iss: issuer,
    azp: audience,
    aud: audience,
    sub: subject,
    ...(hostedDomain === undefined ? {} : { hd: hostedDomain }),
    ...(email === undefined ? {} : { email, email_verified: isEmailVerified }),
    name: `${givenName} ${familyName}`,
    picture: `https://lh3.googleusercontent.com/a/${subject}=s96-c`,
    given_name: givenName,
    family_name: familyName,
    locale: person.locale,
    iat: now,
    exp: now + lifetimeSeconds,
  }
}

function discovery(issuer: string) {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    claims_supported: [
      'aud',
      'email',
      'email_verified',
      'exp',
      'family_name',
      'given_name',
      'iat',
      'iss',
      'name',
      'sub',
    ],
  }
}
