import { v7 as uuidv7 } from 'uuid'
import { app } from '#src/app.ts'
import { configOf, type Env } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { writeLog } from '#src/http/log.ts'
import { runScheduled } from '#src/operations/scheduled.ts'

export default {
  fetch: app.fetch,
  scheduled: async (event, env, context) => {
    const config = configOf(env)
    const database = openDatabase(config)
    const defer = (work: Promise<unknown>) => context.waitUntil(work)
    await runScheduled({ config, database, requestId: uuidv7(), defer, report: writeLog }, event.cron)
  },
} satisfies ExportedHandler<Env>
