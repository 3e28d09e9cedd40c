import { createRoute, z } from '@hono/zod-openapi'
import { jsonBodyBytes, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { jsonBody } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { contentTypeOf, speechFormats } from '#src/speech/audio-format.ts'
import { openAiWishOf } from '#src/voice/asked-line.ts'
import { speakAloud } from '#src/voice/speak.ts'
import { OpenAiSpeechRequest } from '#src/voice/shapes.ts'

const binary = z.string().openapi({ format: 'binary' })

const createSpeech = createRoute({
  ...session('OpenAI dialect', {
    isOpenAiDialect: true,
    limiter: 'COSTLY_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['not_found', 'speech_refused', 'quota_exceeded', 'upstream_unavailable', 'upstream_nonsense'],
  }),
  method: 'post',
  path: '/v1/audio/speech',
  summary: 'Speak a text, for clients of the OpenAI API',
  request: { body: jsonBody(OpenAiSpeechRequest) },
  responses: {
    200: {
      description: 'The audio, from its first byte on, while the rest is being made.',
      content: Object.fromEntries(speechFormats.map((format) => [contentTypeOf[format], { schema: binary }])),
    },
  },
})

export const voiceOpenAiRoutes = newRouter().openapi(
  createSpeech,
  async (c) => await speakAloud(callerOf(c), openAiWishOf(c.req.valid('json'))),
)
