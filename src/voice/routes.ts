import { createRoute, z } from '@hono/zod-openapi'
import { jsonBodyBytes, open, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { IdParams } from '#src/http/fields.ts'
import { IdempotencyHeader } from '#src/http/idempotency.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'
import { wishOf } from '#src/voice/asked-line.ts'
import { getAudio } from '#src/voice/audio.ts'
import {
  addRecording,
  deleteRecording,
  getRecording,
  listRecordings,
  transcribeRecording,
} from '#src/voice/recordings.ts'
import {
  AudioQuery,
  Recording,
  RecordingPage,
  RecordingQuery,
  Speech,
  SpeechInput,
  Transcript,
  VoiceCatalogue,
} from '#src/voice/shapes.ts'
import { speak, speakAloud } from '#src/voice/speak.ts'
import { listVoices } from '#src/voice/voices.ts'

const tag = 'Voice'
const upstream = ['upstream_unavailable', 'upstream_nonsense'] as const

const binary = z.string().openapi({ format: 'binary' })
const speechContent = {
  'audio/mpeg': { schema: binary },
  'audio/wav': { schema: binary },
  'audio/ogg': { schema: binary },
}
const audioContent = { ...speechContent, 'audio/webm': { schema: binary }, 'audio/mp4': { schema: binary } }

const synthesise = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    bodyBytes: jsonBodyBytes,
    problems: ['not_found', 'speech_refused', 'quota_exceeded', ...upstream],
  }),
  method: 'post',
  path: '/voice/speech',
  summary: 'Speak a text',
  description:
    'With `Accept: audio/*` the answer is the audio alone, from its first byte on, while the rest is being made; asked for once more without it, the same line is a hit.',
  request: { body: jsonBody(SpeechInput) },
  responses: {
    200: {
      description: 'Where to hear it, and what an avatar does meanwhile. A hit made no call of the vendor’s.',
      content: { 'application/json': { schema: Speech }, ...speechContent },
    },
  },
})

const voices = createRoute({
  ...session(tag, { limiter: 'COSTLY_LIMITER', problems: [...upstream] }),
  method: 'get',
  path: '/voice/voices',
  summary: 'The voices that may be named',
  responses: { 200: jsonContent(VoiceCatalogue, 'As the vendor said within the last ten minutes.') },
})

const play = createRoute({
  ...open(tag, { problems: ['not_found', 'range_not_satisfiable'] }),
  method: 'get',
  path: '/voice/audio/{id}',
  summary: 'Play audio by its signed URL',
  request: { params: IdParams, query: AudioQuery },
  responses: {
    200: { content: audioContent, description: 'The audio.' },
    206: { content: audioContent, description: 'The one byte range that was asked for.' },
    304: { description: 'It is as your If-None-Match has it.' },
  },
})

const record = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    problems: [
      'malformed_body',
      'payload_too_large',
      'unsupported_media_type',
      'quota_exceeded',
      'idempotency_key_reused',
    ],
  }),
  method: 'post',
  path: '/voice/recordings',
  summary: 'Keep what you recorded',
  description:
    'The body is the audio itself: WAV, MP3, Opus in Ogg, WebM or MP4, known by its first bytes. It is deleted on `expires_at`.',
  request: { headers: IdempotencyHeader, body: { content: audioContent, required: true } },
  responses: { 201: jsonContent(Recording, 'The recording.') },
})

const list = createRoute({
  ...session(tag, { problems: ['invalid_cursor'] }),
  method: 'get',
  path: '/voice/recordings',
  summary: 'Your recordings',
  request: { query: RecordingQuery },
  responses: { 200: jsonContent(RecordingPage, 'Newest first.') },
})

const read = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'get',
  path: '/voice/recordings/{id}',
  summary: 'One of your recordings',
  request: { params: IdParams },
  responses: { 200: jsonContent(Recording, 'The recording, with a new URL to play it.') },
})

const remove = createRoute({
  ...session(tag, { problems: ['not_found'] }),
  method: 'delete',
  path: '/voice/recordings/{id}',
  summary: 'Delete a recording',
  request: { params: IdParams },
  responses: { 204: { description: 'It is gone.' } },
})

const transcript = createRoute({
  ...session(tag, {
    limiter: 'COSTLY_LIMITER',
    problems: ['not_found', 'speech_refused', 'quota_exceeded', ...upstream],
  }),
  method: 'post',
  path: '/voice/recordings/{id}/transcript',
  summary: 'What you said in a recording',
  request: { params: IdParams },
  responses: { 200: jsonContent(Transcript, 'As the service that is configured heard it. It is not kept.') },
})

export const voiceRoutes = newRouter()
  .openapi(synthesise, async (c) => {
    const [caller, wish] = [callerOf(c), wishOf(c.req.valid('json'))]
    const wantsAudio = /^audio\//i.test(c.req.header('Accept') ?? '')
    return wantsAudio ? await speakAloud(caller, wish) : c.json(await speak(caller, wish), 200)
  })
  .openapi(voices, async (c) => c.json(await listVoices(callerOf(c)), 200))
  .openapi(
    play,
    async (c) =>
      await getAudio(
        { config: c.get('config'), defer: (work) => c.executionCtx.waitUntil(work) },
        {
          id: c.req.valid('param').id,
          token: c.req.valid('query').token,
          method: c.req.method,
          range: c.req.header('Range'),
          ifRange: c.req.header('If-Range'),
          ifNoneMatch: c.req.header('If-None-Match'),
        },
      ),
  )
  .openapi(record, async (c) => {
    const length = Number(c.req.header('Content-Length'))
    const upload = { body: c.req.raw.body, length: Number.isInteger(length) && length > 0 ? length : undefined }
    const adding = addRecording(callerOf(c), upload, c.req.valid('header')['idempotency-key'])
    // Who leaves in the middle leaves nothing behind.
    callerOf(c).defer(adding.catch(() => undefined))
    return c.json(await adding, 201)
  })
  .openapi(list, async (c) => c.json(await listRecordings(callerOf(c), c.req.valid('query')), 200))
  .openapi(read, async (c) => c.json(await getRecording(callerOf(c), c.req.valid('param').id), 200))
  .openapi(remove, async (c) => {
    await deleteRecording(callerOf(c), c.req.valid('param').id)
    return c.body(null, 204)
  })
  .openapi(transcript, async (c) => {
    const hearing = transcribeRecording(callerOf(c), c.req.valid('param').id)
    // Who leaves in the middle pays for it all the same.
    callerOf(c).defer(hearing.catch(() => undefined))
    return c.json(await hearing, 200)
  })
