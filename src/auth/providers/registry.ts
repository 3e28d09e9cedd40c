import { apple } from '#src/auth/providers/apple.ts'
import { facebook } from '#src/auth/providers/facebook.ts'
import { google } from '#src/auth/providers/google.ts'
import type { IdentityProvider } from '#src/auth/providers/identity-provider.ts'
import type { Provider } from '#src/auth/providers/verified-identity.ts'

const identityProviders: Readonly<Record<Provider, IdentityProvider>> = { google, facebook, apple }

/** The provider of this name. */
export function providerOf(name: Provider): IdentityProvider {
  return identityProviders[name]
}
