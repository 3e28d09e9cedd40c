import { createRoute, z } from '@hono/zod-openapi'
import { jsonBodyBytes, open, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { getAudio } from '#src/voice/audio.ts'
import { AudioQuery, Speech, SpeechInput } from '#src/voice/shapes.ts'
import { speak } from '#src/voice/speak.ts'

const synthesise = createRoute({
  ...session('Voice', {
    limiter: 'COSTLY_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['not_found', 'speech_refused', 'quota_exceeded', 'upstream_unavailable', 'upstream_nonsense'],
  }),
  method: 'post',
  path: '/voice/speech',
  summary: 'Speak a text',
  request: { body: jsonBody(SpeechInput) },
  responses: { 200: jsonContent(Speech, 'Where to hear it. A hit made no provider call.') },
})

const wav = { content: { 'audio/wav': { schema: z.string().openapi({ format: 'binary' }) } } }

const play = createRoute({
  ...open('Voice', { problems: ['not_found', 'range_not_satisfiable'] }),
  method: 'get',
  path: '/voice/audio/{id}',
  summary: 'Play audio by its signed URL',
  request: { params: IdParams, query: AudioQuery },
  responses: {
    200: { ...wav, description: 'The audio.' },
    206: { ...wav, description: 'The one byte range that was asked for.' },
    304: { description: 'It is as your If-None-Match has it.' },
  },
})

export const voiceRoutes = newRouter()
  .openapi(synthesise, async (c) => c.json(await speak(callerOf(c), c.req.valid('json')), 200))
  .openapi(
    play,
    async (c) =>
      await getAudio(c.get('config'), {
        id: c.req.valid('param').id,
        token: c.req.valid('query').token,
        method: c.req.method,
        range: c.req.header('Range'),
        ifRange: c.req.header('If-Range'),
        ifNoneMatch: c.req.header('If-None-Match'),
      }),
  )
