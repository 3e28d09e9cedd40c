/** What a person's own flight may say happened; the database's `app.user_action` lists the same. */
export const userActions = ['account.erasure_requested', 'session.revoked', 'identity.linked'] as const
export type UserAction = (typeof userActions)[number]

/** What the service's may; the database's `app.service_action` lists the same. */
export const serviceActions = [
  'account.registered',
  'data_key.rotated',
  'key_encryption_key.rotated',
  'registration.refused',
  'sign_in.refused',
  'sign_in.succeeded',
] as const
export type ServiceAction = (typeof serviceActions)[number]
