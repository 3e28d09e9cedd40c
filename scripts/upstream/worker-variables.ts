/** The configuration that points a Worker (ENVIRONMENT `development` or `test`) at a local upstream. */
export function workerVariables(origin: string): Record<string, string> {
  return {
    GOOGLE_CLIENT_ID: 'neuraform-local.apps.googleusercontent.com',
    GOOGLE_ENDPOINTS: JSON.stringify({ issuer: `${origin}/google`, jwks: `${origin}/google/jwks` }),
    LLM_BASE_URL: `${origin}/v1`,
    LLM_MODEL: 'offline-companion',
    SPEECH_PROVIDER: 'offline',
    SPEECH_BASE_URL: origin,
  }
}
