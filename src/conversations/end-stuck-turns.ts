import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { messages, turns } from '#src/conversations/tables.ts'
import { asService, WrappedKeysOrNone, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { Vault } from '#src/vault/vault.ts'

// Four times as long as it takes for a client to be told that its turn was abandoned, so that it may go on with it first.
const stuckAfterSeconds = 120
const mostAtOnce = 100

const Stuck = z.object({
  turn_id: z.uuid(),
  user_id: z.uuid(),
  reply_message_id: z.uuid(),
  checkpoint: z.instanceof(Uint8Array).nullable(),
  checked_at: z.coerce.date(),
  data_keys: WrappedKeysOrNone,
})
type Stuck = z.output<typeof Stuck>

/**
 * Ends the turns whose Worker died, up to 100 of them: as interrupted with what they said, or as failed where that is
 * nothing, so that the same key says it again. One that cannot be ended keeps none of the others from it.
 */
export async function endStuckTurns(scope: RequestScope): Promise<void> {
  const [answer] = await asService(scope, 'jobs', 'stuck turns', (db) => [
    db.execute(sql`select * from app.stuck_turns(${stuckAfterSeconds}, ${mostAtOnce})`),
  ])
  for (const stuck of z.array(Stuck).parse(answer.rows)) {
    await endStuckTurn(scope, stuck).catch((error: unknown) =>
      scope.report({ event: 'turn_not_ended', ...describeFailure(error) }),
    )
  }
}

// A second flight, since what was said is opened here and not in the database.
async function endStuckTurn(scope: RequestScope, stuck: Stuck): Promise<void> {
  const { keys, broken } = await unwrapDataKeys(scope.config, stuck.user_id, stuck.data_keys)
  const onBroken = () => scope.report({ event: 'checkpoint_broken', turn_id: stuck.turn_id })
  const vault = new Vault(stuck.user_id, keys, { broken, onBroken })
  const said = await vault.read(turns.checkpoint, stuck.turn_id, stuck.checkpoint)
  const content = await vault.sealOptional(messages.content, stuck.reply_message_id, said)
  const words = said === null ? [] : vault.indexWords(said)
  await asService(scope, 'jobs', 'stuck turns', (db) => [
    db.execute(sql`select app.end_stuck_turn(
      ${stuck.turn_id}, ${stuck.checked_at.toISOString()}, ${content}::bytea, ${sql.param(words)}::bigint[])`),
  ])
}
