import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startUpstream, type Upstream } from '#scripts/upstream/server.ts'
import { post, postForm } from '#test/tools/upstream-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await fetch(`${upstream.origin}/identity/faults`, { method: 'DELETE' })
})
afterAll(async () => {
  await upstream.close()
})

const path = '/apple/jwks'
const plant = async (fault: object) => await post(`${upstream.origin}/identity/faults`, { path, ...fault })
const keys = async (init: RequestInit = {}) => await fetch(`${upstream.origin}${path}`, init)

describe('a planted fault', () => {
  it('answers with a status, as often as it was told, and leaves other paths alone', async () => {
    await plant({ kind: 'status', status: 503, times: 2 })
    expect((await fetch(`${upstream.origin}/google/jwks`)).status).toBe(200)
    expect([(await keys()).status, (await keys()).status, (await keys()).status]).toEqual([503, 503, 200])
  })

  it('answers with a page, or sends the caller elsewhere, where followers are counted', async () => {
    await plant({ kind: 'html' })
    const page = await keys()
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    await plant({ kind: 'redirect', times: 2 })
    expect((await keys({ redirect: 'manual' })).status).toBe(302)
    expect(upstream.calls.get('/identity/elsewhere')).toBeUndefined()
    expect(await (await keys()).json()).toEqual({})
    expect(upstream.calls.get('/identity/elsewhere')).toBe(1)
  })

  it('hangs until the caller leaves', async () => {
    await plant({ kind: 'hang' })
    await expect(keys({ signal: AbortSignal.timeout(300) })).rejects.toThrow('aborted due to timeout')
    expect((await keys()).status).toBe(200)
  })

  it('answers with more than anybody should read, well formed to its end', async () => {
    await plant({ kind: 'large' })
    const text = await (await keys()).text()
    expect(text.length).toBeGreaterThan(8_388_608)
    expect(JSON.parse(text)).toEqual({ filler: expect.any(String) })
  })

  it('breaks off in the middle of the answer', async () => {
    await plant({ kind: 'cut' })
    const answer = await keys()
    expect(answer.status).toBe(200)
    await expect(answer.text()).rejects.toThrow('terminated')
  })

  it('meets only whom it is meant for, in the URL, the body or the Authorization header', async () => {
    const fault = { kind: 'status', match: '4/0Amine' }
    await plant({ ...fault, path: '/google/token', times: 3 })
    const exchange = async (code: string, headers: Record<string, string> = {}) =>
      (await postForm(`${upstream.origin}/google/token`, { code }, headers)).status
    expect([await exchange('4/0Ayours'), await exchange('4/0Amine')]).toEqual([400, 500])
    expect(await exchange('4/0Ayours', { authorization: 'Bearer 4/0Amine' })).toBe(500)
    await plant({ ...fault, match: 'only-me' })
    expect((await keys()).status).toBe(200)
    expect((await fetch(`${upstream.origin}${path}?for=only-me`)).status).toBe(500)
  })

  it('can be taken away, and must be one that there is', async () => {
    await plant({ kind: 'html', times: 5 })
    const cleared = await fetch(`${upstream.origin}/identity/faults`, { method: 'DELETE' })
    expect(await cleared.json()).toEqual({ cleared: 1 })
    expect((await keys()).headers.get('content-type')).toBe('application/json')
    expect((await plant({ kind: 'explode' })).status).toBe(400)
  })
})
