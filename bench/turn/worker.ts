interface Env {
  readonly LLM_BASE_URL: string
}

/** What a turn is measured against: a Worker that passes a prompt on to the model and the reply back, and keeps nothing. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { content } = await request.json<{ content: string }>()
    const response = await fetch(`${env.LLM_BASE_URL}/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content }] }),
    })
    return new Response(response.body, { headers: { 'Content-Type': 'text/event-stream' } })
  },
} satisfies ExportedHandler<Env>
