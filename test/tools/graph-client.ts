import { createHmac } from 'node:crypto'
import * as z from 'zod'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'
import { read } from '#test/tools/upstream-client.ts'

export const { FACEBOOK_APP_ID: appId, FACEBOOK_APP_SECRET: secret } = workerVariables.identity('')
export const appToken = `${appId}|${secret}`

/** `appsecret_proof` for a token. */
export const proofOf = (token: string): string => createHmac('sha256', secret).update(token).digest('hex')

/** Calls the local Graph. */
export async function askGraph(
  origin: string,
  path: string,
  parameters: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<Response> {
  return await fetch(`${origin}/facebook/graph/${path}?${new URLSearchParams(parameters)}`, { method })
}

export async function debugToken(origin: string, token: string, accessToken = appToken): Promise<Response> {
  return await askGraph(origin, 'v25.0/debug_token', { input_token: token, access_token: accessToken })
}

export async function readMe(
  origin: string,
  token: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return await askGraph(origin, 'v25.0/me', { access_token: token, appsecret_proof: proofOf(token), ...parameters })
}

const GraphError = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    code: z.number(),
    error_subcode: z.number().optional(),
    fbtrace_id: z.string(),
  }),
})

/** The status, type, code and subcode of the Graph's refusal. */
export async function graphRefusal(response: Response) {
  const { error } = await read(response, GraphError)
  return [response.status, error.type, error.code, error.error_subcode]
}
