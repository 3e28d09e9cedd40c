import { Client } from 'pg'

interface Env {
  readonly HYPERDRIVE: Hyperdrive
}

/** What the service is measured against: a Worker that asks nobody who they are and selects one page of rows. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const userId = new URL(request.url).searchParams.get('user')
    const client = new Client({ connectionString: env.HYPERDRIVE.connectionString })
    await client.connect()
    const { rows } = await client.query<Record<string, unknown>>(
      `select id, persona_id, encode(title, 'base64') as title, summary, metadata, tags, is_active, is_pinned, message_count,
         last_message_at, created_at, updated_at
       from conversations where user_id = $1 order by updated_at desc nulls last, id desc nulls last limit 20`,
      [userId],
    )
    return Response.json({ items: rows })
  },
} satisfies ExportedHandler<Env>
