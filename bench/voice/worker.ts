interface Env {
  readonly SPEECH_BASE_URL: string
  readonly SPEECH_INDEX: KVNamespace
  readonly AUDIO: R2Bucket
}

// As long as what the service keeps of a line in KV.
const entry = 'x'.repeat(2_000)

/**
 * What speech is measured against: a Worker that asks nobody who they are. PUT keeps audio under the URL's path, GET looks it up
 * in KV and R2 and answers it, and POST has the vendor speak and passes on what comes.
 */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const key = new URL(request.url).pathname
    if (request.method === 'GET') {
      const [found, object] = await Promise.all([env.SPEECH_INDEX.get(key), env.AUDIO.get(key)])
      if (found === null || object === null) return new Response(null, { status: 404 })
      return new Response(object.body, { headers: { 'Content-Type': 'audio/wav' } })
    }
    if (request.method === 'PUT') {
      await env.AUDIO.put(key, await request.arrayBuffer())
      await env.SPEECH_INDEX.put(key, entry)
      return new Response(null, { status: 204 })
    }
    const { text, voice, format } = await request.json<Record<string, string>>()
    const response = await fetch(`${env.SPEECH_BASE_URL}/audio/speech`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'tts-1', input: text, voice, response_format: format }),
    })
    return new Response(response.body, { headers: { 'Content-Type': 'audio/wav' } })
  },
} satisfies ExportedHandler<Env>
