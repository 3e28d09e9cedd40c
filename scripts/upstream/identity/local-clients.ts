/*
 * The apps that the local providers know. Every value is public, made up and good for nothing anywhere else.
 */

/** The web client at Google. */
export const googleClient = { id: 'neuraform-local', secret: 'local-google-secret' }

/** The app at Facebook. */
export const facebookApp = { id: '1000200030004000', secret: 'local-facebook-secret', name: 'NeuraForm (local)' }

/** The developer's team at Apple: one Services ID for the web, and the bundle ids of its native apps. */
export const appleTeam = {
  id: 'LOCALTEAM1',
  keyId: 'LOCALKEY01',
  servicesId: 'com.example.companion.web',
  bundleIds: ['com.example.companion', 'com.example.companion.mac'],
}
