import { clientPrivateKey } from '#scripts/upstream/identity/apple/client-key.ts'
import { appleTeam, facebookApp, googleClient } from '#scripts/upstream/identity/local-clients.ts'

/** The configuration that points a Worker (ENVIRONMENT `development` or `test`) at a local upstream, part by part. */
export const workerVariables = {
  identity: (origin: string) => ({ ...google(origin), ...facebook(origin), ...apple(origin) }),
  companion: (origin: string) => ({
    LLM_BASE_URL: `${origin}/v1`,
    LLM_MODEL: 'offline-companion',
    LLM_API_KEY: 'offline',
  }),
  voice: (origin: string) => ({ SPEECH_PROVIDER: 'offline', SPEECH_BASE_URL: origin }),
  elevenLabs: (origin: string) => ({
    SPEECH_PROVIDER: 'elevenlabs',
    SPEECH_BASE_URL: `${origin}/elevenlabs`,
    SPEECH_API_KEY: 'offline',
  }),
  transcription: (origin: string) => ({
    TRANSCRIPTION_BASE_URL: `${origin}/v1`,
    TRANSCRIPTION_MODEL: 'offline-ear',
  }),
}

function google(origin: string) {
  const issuer = `${origin}/google`
  return {
    GOOGLE_CLIENT_ID: googleClient.id,
    GOOGLE_CLIENT_SECRET: googleClient.secret,
    GOOGLE_ENDPOINTS: JSON.stringify({
      issuer,
      authorization: `${issuer}/authorize`,
      token: `${issuer}/token`,
      jwks: `${issuer}/jwks`,
      revocation: `${issuer}/revoke`,
    }),
  }
}

function facebook(origin: string) {
  const base = `${origin}/facebook`
  return {
    FACEBOOK_APP_ID: facebookApp.id,
    FACEBOOK_APP_SECRET: facebookApp.secret,
    FACEBOOK_ENDPOINTS: JSON.stringify({
      authorization: `${base}/dialog`,
      graph: `${base}/graph`,
      limited_issuer: `${base}/limited`,
      limited_jwks: `${base}/limited/jwks`,
    }),
  }
}

function apple(origin: string) {
  const issuer = `${origin}/apple`
  return {
    APPLE_CLIENT_ID: appleTeam.servicesId,
    APPLE_BUNDLE_IDS: appleTeam.bundleIds.join(','),
    APPLE_TEAM_ID: appleTeam.id,
    APPLE_KEY_ID: appleTeam.keyId,
    APPLE_PRIVATE_KEY: clientPrivateKey(),
    APPLE_ENDPOINTS: JSON.stringify({
      issuer,
      authorization: `${issuer}/authorize`,
      token: `${issuer}/token`,
      jwks: `${issuer}/jwks`,
      revocation: `${issuer}/revoke`,
    }),
  }
}
