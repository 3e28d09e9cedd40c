import { describe, expect, it } from 'vitest'
import { call, newUser } from '#test/setup/client.ts'
import type { Profile } from '#src/accounts/shapes.ts'

describe('the profile', () => {
  it('holds what was registered and what the provider vouched for', async () => {
    const { token, user } = await newUser()
    const { status, body } = await call<Profile>('GET', '/auth/profile', { token })
    expect(status).toBe(200)
    expect(body).toEqual({ ...user, birthdate: '1990-06-15' })
  })
})
