import type { TestStack } from '#test/setup/test-stack.d.ts'

/** The Worker of `wrangler.toml` on the test stack. */
export function workerOptions(stack: TestStack) {
  // wrangler takes the local database from here only, also where it merely reads the configuration.
  process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = stack.pooledUrl
  return {
    wrangler: { configPath: './wrangler.toml' },
    miniflare: { bindings: { ...stack.variables, RACE_TRIALS: process.env['RACE_TRIALS'] ?? '1' } },
  }
}
