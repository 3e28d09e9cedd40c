import { callApi } from '#scripts/demo/api.ts'
import { phrases, readHoldings, wordsIn, type Holdings, type Stores } from '#scripts/demo/remains.ts'
import { StepFailure, type Steps } from '#scripts/demo/steps.ts'

/** Erases the account, and finds that it is gone. */
export async function leave({ origin }: { readonly origin: string }, steps: Steps, token: string): Promise<void> {
  const erased = await steps.run(
    'erase the account',
    202,
    () => callApi<{ erasure_id: string; status_url: string }>(origin, 'DELETE', '/auth/account', { token }),
    ({ body }) => `receipt ${body.erasure_id}`,
  )
  await steps.run(
    'erasure receipt',
    200,
    () => callApi<{ state: string }>(origin, 'GET', erased.body.status_url),
    ({ body }) => body.state,
  )
  await steps.run(
    'use the erased session',
    401,
    () => callApi(origin, 'GET', '/auth/profile', { token }),
    () => 'refused',
  )
}

/** Before the account goes: what was said is in the stores, and none of it can be read there. */
export async function showSealed(stage: Stores, spoken: readonly string[]): Promise<void> {
  const holdings = await readHoldings(stage)
  if (total(holdings) === 0 || holdings.r2Keys.length === 0)
    throw new StepFailure('The stores hold nothing to look at.')
  const found = wordsIn(holdings, phrases(spoken))
  console.log(
    `\n  At rest: ${total(holdings)} rows, ${holdings.kvKeys.length} KV values, ${holdings.r2Keys.length} R2 objects; ` +
      `${phrases(spoken).length} spoken phrases and words looked for, ${found.length} found in clear\n`,
  )
  if (found.length > 0) throw new StepFailure(`Found in clear: ${found.join(', ')}`)
}

const mayStay: Readonly<Record<string, number>> = {
  erasures: 1,
  login_tickets: 3,
  grants_to_revoke: 2,
  audit_chains: 2,
  audit_log: Number.POSITIVE_INFINITY,
}

/**
 * After it: a receipt and audit entries that name nobody, what was spent (a ticket, two nonces), what Apple and Facebook are to
 * get back with the next sweep, sealed, and nothing else.
 */
export async function showNothingLeft(stage: Stores, spoken: readonly string[], before: Holdings): Promise<void> {
  const holdings = await readHoldings(stage)
  const added = (table: string) => (holdings.rows.get(table) ?? 0) - (before.rows.get(table) ?? 0)
  const left = [...holdings.rows.keys()].filter((table) => added(table) > (mayStay[table] ?? 0))
  const found = wordsIn(holdings, phrases(spoken))
  const receipts =
    `${added('erasures')} receipt and ${added('audit_log')} audit entries that name nobody, ` +
    `${added('login_tickets')} spent tickets and nonces, ${added('grants_to_revoke')} grants to give back`
  console.log(
    `\n  Left of Ada: ${left.map((table) => `${added(table)} in ${table}`).join(', ') || 'nothing'} in ${holdings.rows.size} tables, ` +
      `${holdings.kvKeys.length} KV values, ${holdings.r2Keys.length} R2 objects (${receipts})`,
  )
  if (left.length + holdings.kvKeys.length + holdings.r2Keys.length + found.length > 0) {
    throw new StepFailure('The erased account has left something behind.')
  }
}

const total = ({ rows }: Holdings) => [...rows.values()].reduce((sum, count) => sum + count, 0)
