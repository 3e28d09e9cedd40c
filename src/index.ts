import { app } from '#src/app.ts'
import type { Env } from '#src/config.ts'
import { serviceScope } from '#src/http/service-scope.ts'
import { runScheduled } from '#src/operations/scheduled.ts'

export { DataKeyRotation } from '#src/privacy/data-key-rotation.ts'

export default {
  fetch: app.fetch,
  scheduled: async (event, env, context) => await runScheduled(serviceScope(env, context), event.cron),
} satisfies ExportedHandler<Env>
