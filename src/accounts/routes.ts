import { createRoute } from '@hono/zod-openapi'
import { getProfile, updateProfile } from '#src/accounts/profile.ts'
import { Profile, ProfileChange } from '#src/accounts/shapes.ts'
import { jsonBodyBytes, session } from '#src/http/access.ts'
import { callerOf } from '#src/http/context.ts'
import { jsonBody, jsonContent } from '#src/http/openapi.ts'
import { newRouter } from '#src/http/router.ts'

const read = createRoute({
  ...session('Accounts'),
  method: 'get',
  path: '/auth/profile',
  summary: 'Your profile',
  responses: { 200: jsonContent(Profile, 'The profile.') },
})

const change = createRoute({
  ...session('Accounts', { bodyBytes: jsonBodyBytes }),
  method: 'put',
  path: '/auth/profile',
  summary: 'Change your profile',
  request: { body: jsonBody(ProfileChange) },
  responses: { 200: jsonContent(Profile, 'The profile as it is now.') },
})

export const accountRoutes = newRouter()
  .openapi(read, async (c) => c.json(await getProfile(callerOf(c)), 200))
  .openapi(change, async (c) => c.json(await updateProfile(callerOf(c), c.req.valid('json')), 200))
