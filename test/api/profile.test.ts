import { describe, expect, it, vi } from 'vitest'
import type { Profile } from '#src/accounts/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

const readProfile = async (token: string) => (await call<Profile>('GET', '/auth/profile', { token })).body
const change = async (token: string, body: unknown) => await call<Profile>('PUT', '/auth/profile', { token, body })

describe('the profile', () => {
  it('holds what was registered and what the provider vouched for', async () => {
    const { token, user } = await newUser()
    const { status, body } = await call<Profile>('GET', '/auth/profile', { token })
    expect(status).toBe(200)
    expect(body).toEqual({ ...user, birthdate: '1990-06-15' })
  })

  it('shows null for what cannot be opened any more, and the rest as it was', async () => {
    const { token, user } = await newUser()
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await asOwner('update users set last_name = first_name where id = $1', [user.id])
    expect(await readProfile(token)).toEqual({ ...user, last_name: null, birthdate: '1990-06-15' })
    const lines = log.mock.calls.map(([line]) => String(line))
    expect(lines.filter((line) => line.includes(user.id)).map((line) => JSON.parse(line) as unknown)).toEqual([
      { event: 'seal_broken', request_id: expect.any(String), table: 'users', column: 'last_name', row_id: user.id },
    ])
  })
})

const changes: Record<string, Partial<Profile>> = {
  'the first name': { first_name: 'Zoë 👩‍🚀' },
  'the last name': { last_name: 'Øst' },
  'the avatar': { avatar_url: 'https://images.example.com/a.png?size=96#face' },
  'the time zone': { timezone: 'America/Argentina/Buenos_Aires' },
  'the language': { language_preference: 'zh-Hant-TW' },
  'what they are told of': {
    notification_preferences: { email: { weekly: false }, quiet: ['22:00', '07:00'], n: 1.5 },
  },
  'how it looks': { ui_preferences: { theme: 'dark', sizes: [1, null, true], 'имя 🎨': '' } },
  'several at once': { first_name: 'Ida', timezone: 'Asia/Tokyo', ui_preferences: {} },
}

describe('changing the profile', () => {
  it.each(Object.entries(changes))('changes %s and nothing else', async (_, wish) => {
    const { token, user } = await newUser()
    const { status, body } = await change(token, wish)
    expect(status).toBe(200)
    expect(body).toEqual({ ...user, birthdate: '1990-06-15', ...wish, updated_at: body.updated_at })
    expect(body.updated_at > user.updated_at).toBe(true)
    expect(await readProfile(token)).toEqual(body)
  })

  it('takes the avatar away for null', async () => {
    const { token } = await newUser()
    await change(token, { avatar_url: 'https://images.example.com/a.png' })
    expect((await change(token, { avatar_url: null })).body.avatar_url).toBeNull()
  })

  it('replaces preferences whole', async () => {
    const { token } = await newUser()
    await change(token, { ui_preferences: { theme: 'dark', sounds: true } })
    expect((await change(token, { ui_preferences: { theme: 'light' } })).body.ui_preferences).toEqual({
      theme: 'light',
    })
  })

  it('takes one flight, whatever it changes', async () => {
    const { token } = await newUser()
    const { headers } = await change(token, { first_name: 'Ida', ui_preferences: { theme: 'dark' } })
    expect(headers.get('Server-Timing')).toBe('db;desc="1 flight"')
  })

  it('is nobody else’s', async () => {
    const [one, other] = [await newUser(), await newUser()]
    await change(one.token, { first_name: 'Mine' })
    expect(await readProfile(other.token)).toEqual({ ...other.user, birthdate: '1990-06-15' })
  })
})

const nested = (depth: number): unknown => (depth === 0 ? 'x' : { a: nested(depth - 1) })
const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`name${n}`, n]))

const unchangeable: Record<string, Record<string, unknown>> = {
  'a birthdate': { birthdate: '1980-01-01' },
  'an email': { email: 'other@gmail.com' },
  'a role': { role: 'admin' },
  is_active: { is_active: false },
  is_email_verified: { is_email_verified: true },
  'an id': { id: '0198f000-0000-7000-8000-000000000009' },
  'a user_id': { user_id: '0198f000-0000-7000-8000-000000000009' },
  'a provider': { auth_provider: 'apple' },
  'an acceptance of terms': { terms_accepted_at: '2020-01-01T00:00:00.000Z' },
  'an acceptance of the privacy policy': { privacy_policy_accepted_at: '2020-01-01T00:00:00.000Z' },
  'a version of terms': { terms_version: '1999-01' },
  'a consent': { consents: { analytics: true } },
  'a date of creation': { created_at: '2020-01-01T00:00:00.000Z' },
  'a date that opens ratings': { opens_18_on: '2000-01-01' },
  'a country': { country: 'DK' },
  'a constructor': { constructor: { prototype: { role: 'admin' } } },
}

const malformed: Record<string, unknown> = {
  nothing: {},
  'a list': [],
  'a text': '"first_name"',
  'a null name': { first_name: null },
  'a blank name': { first_name: '  ' },
  'a name of 101 characters': { last_name: 'a'.repeat(101) },
  'a name with NUL': { first_name: 'a\0' },
  'a name with a lone surrogate': { first_name: '\udc00a' },
  'an unknown time zone': { timezone: 'Europe/Atlantis' },
  'a time zone that is an offset': { timezone: '+02:00' },
  'an empty time zone': { timezone: '' },
  'a null time zone': { timezone: null },
  'a time zone with a path': { timezone: '../../etc/passwd' },
  'a language that is none': { language_preference: 'dansk_DK' },
  'an empty language': { language_preference: '' },
  'a language of 36 characters': { language_preference: `en-${'x'.repeat(33)}` },
  'preferences that are a list': { ui_preferences: [] },
  'preferences that are null': { ui_preferences: null },
  'preferences nested 11 deep': { ui_preferences: nested(11) },
  'preferences with 101 names': { notification_preferences: names(101) },
  'preferences with 101 names in several places': { ui_preferences: { a: names(50), b: [names(49)] } },
  'preferences of more than 16,000 characters': { ui_preferences: { a: 'x'.repeat(16_000) } },
  'preferences with NUL': { ui_preferences: { a: 'x\0' } },
  'preferences with a lone surrogate': { ui_preferences: { a: ['\ud800'] } },
  'a preference’s name with NUL': { ui_preferences: { 'a\0': 1 } },
  'a preference’s name with a lone surrogate': { notification_preferences: { a: { '\ud800': 1 } } },
}

const links: readonly string[] = [
  'javascript:alert(1)',
  'data:image/png;base64,AAAA',
  'file:///etc/passwd',
  'ftp://images.example.com/a.png',
  'http://images.example.com/a.png',
  '//images.example.com/a.png',
  'images.example.com/a.png',
  '/a.png',
  'https://',
  'https://user@images.example.com/a.png',
  'https://user:word@images.example.com/a.png',
  'https://:word@images.example.com/a.png',
  'https://127.0.0.1/a.png',
  'https://10.0.0.1/a.png',
  'https://169.254.169.254/latest/meta-data/',
  'https://2130706433/a.png',
  'https://0x7f000001/a.png',
  'https://0x7f.1/a.png',
  'https://0177.0.0.1/a.png',
  'https://127.1/a.png',
  'https://１２７.0.0.1/a.png',
  'https://[::1]/a.png',
  'https://[::ffff:127.0.0.1]/a.png',
  'https://[fd00:ec2::254]/latest/',
  'https://localhost/a.png',
  'https://localhost./a.png',
  'https://metadata/a.png',
  'https://exa mple.com/a.png',
  `https://images.example.com/${'a'.repeat(2_048)}`,
  '',
]

describe('what is refused as a change', () => {
  it.each([
    ...Object.entries({ ...unchangeable, ...malformed }),
    ...links.map((avatar_url): [string, unknown] => [`the avatar ${avatar_url.slice(0, 60)}`, { avatar_url }]),
  ])('is %s, and the profile stays as it was', async (_, wish) => {
    const { token, user } = await newUser()
    const row = await asOwner('select * from users where id = $1', [user.id])
    const { status } = await change(token, wish)
    expect(status).toBe(422)
    expect(await asOwner('select * from users where id = $1', [user.id])).toEqual(row)
  })

  it('takes what it stands beside with it', async () => {
    const { token, user } = await newUser()
    for (const wish of Object.values(unchangeable)) {
      expect((await change(token, { first_name: 'Mallory', ...wish })).status).toBe(422)
    }
    expect(await readProfile(token)).toEqual({ ...user, birthdate: '1990-06-15' })
  })

  it('leaves room for what is just within the limits', async () => {
    const { token } = await newUser()
    const wish = {
      ui_preferences: { a: nested(9) },
      notification_preferences: names(100),
      avatar_url: `https://images.example.com/${'a'.repeat(2_048 - 27)}`,
      first_name: 'a'.repeat(100),
    }
    expect((await change(token, wish)).body).toMatchObject(wish)
    const longest = { ui_preferences: { a: 'x'.repeat(15_992) } }
    expect((await change(token, longest)).body).toMatchObject(longest)
  })
})

describe('an avatar', () => {
  it('is never fetched by the service', async () => {
    const { token } = await newUser()
    const fetched = vi.spyOn(globalThis, 'fetch')
    const avatar_url = 'https://metadata.google.internal/computeMetadata/v1/'
    await change(token, { avatar_url })
    await readProfile(token)
    expect(fetched.mock.calls).toEqual([])
    fetched.mockRestore()
  })
})
