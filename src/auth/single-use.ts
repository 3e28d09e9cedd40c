import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import * as z from 'zod'
import type { Config } from '#src/config.ts'
import type { Db } from '#src/db/scope.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'

/** What is good once: a registration ticket, a nonce, the state of a redirect, the code that it ends with. */
export type SingleUseKind = 'registration' | 'nonce' | 'state' | 'code'

/** Something of the sign-in path that may be spent once, in the flight that has its effect. */
export interface SingleUse {
  readonly id: string
  readonly kind: SingleUseKind
  readonly expiresAt: Date
}

/** Makes a token that is good once. It is sealed and handed out; the database learns of it when it is spent. */
export async function issueSingleUse(
  config: Config,
  kind: SingleUseKind,
  payload: Readonly<Record<string, unknown>>,
  lifetimeSeconds: number,
): Promise<{ token: string; id: string; expiresAt: Date }> {
  const id = uuidv7()
  const expiresAt = Math.floor(Date.now() / 1_000) + lifetimeSeconds
  const token = await issueSealedToken(config, kind, { id, expires_at: expiresAt, ...payload }, lifetimeSeconds)
  return { token, id, expiresAt: new Date(expiresAt * 1_000) }
}

const Spendable = z.object({ id: z.uuid(), expires_at: z.int() })

/** Reads one: what it is to the database, and what was sealed into it. Undefined when expired, altered or invented. */
export async function readSingleUse<T extends z.ZodType>(
  config: Config,
  kind: SingleUseKind,
  schema: T,
  token: string,
): Promise<{ use: SingleUse; payload: z.output<T> } | undefined> {
  const sealed = await readSealedToken(config, kind, z.looseObject(Spendable.shape), token)
  if (sealed === undefined) return undefined
  const { id, expires_at: expiresAt, ...rest } = sealed
  const payload = schema.safeParse(rest)
  return payload.success
    ? { use: { id, kind, expiresAt: new Date(expiresAt * 1_000) }, payload: payload.data }
    : undefined
}

/** Spends one, in the flight that has its effect; `ticket_used` where it was spent before, and nothing else happens then. */
export const spend = (db: Db, { id, kind, expiresAt }: SingleUse) =>
  db.execute(sql`select app.claim_ticket(${id}, ${kind}, ${expiresAt.toISOString()})`)

/** Spends one where the subject has no account: somebody known spends it in the flight that starts their session. */
export const spendUnlessKnown = (
  db: Db,
  { id, kind, expiresAt }: SingleUse,
  { issuer, subject }: { readonly issuer: string; readonly subject: string },
) =>
  db.execute(
    sql`select app.claim_ticket_unless_known(${id}, ${kind}, ${expiresAt.toISOString()}, ${issuer}, ${subject})`,
  )
