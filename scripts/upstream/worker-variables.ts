/** The configuration that points a Worker (ENVIRONMENT `development` or `test`) at a local upstream, part by part. */
export const workerVariables = {
  identity: (origin: string) => ({
    GOOGLE_CLIENT_ID: 'neuraform-local',
    GOOGLE_ENDPOINTS: JSON.stringify({ issuer: `${origin}/google`, jwks: `${origin}/google/jwks` }),
  }),
  companion: (origin: string) => ({
    LLM_BASE_URL: `${origin}/v1`,
    LLM_MODEL: 'offline-companion',
    LLM_API_KEY: 'offline',
  }),
  voice: (origin: string) => ({ SPEECH_PROVIDER: 'offline', SPEECH_BASE_URL: origin }),
}
