import { app } from '#src/app.ts'
import { configOf, type Env } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { writeLog } from '#src/http/log.ts'
import { sweep } from '#src/operations/sweep.ts'

export default {
  fetch: app.fetch,
  scheduled: async (_event, env, context) => {
    const config = configOf(env)
    await sweep({ config, database: openDatabase(config), defer: (work) => context.waitUntil(work), report: writeLog })
  },
} satisfies ExportedHandler<Env>
