import { describe, expect, it } from 'vitest'
import type { Authenticated } from '#src/auth/shapes.ts'
import { call, registration, registrationTicket } from '#test/setup/client.ts'

const unavailable = {
  type: 'urn:neuraform:problem:email_unavailable',
  title: 'This email address cannot be used for a new account.',
  status: 409,
  code: 'email_unavailable',
}

/** Somebody new registers, for whom Google says this of their address. */
async function registerWith(email: string, claims: Record<string, unknown> = {}, omit: readonly string[] = []) {
  const ticket = await registrationTicket({ claims: { email, email_verified: true, ...claims }, omit })
  return await call<Authenticated>('POST', '/auth/register', { body: registration(ticket) })
}

const fresh = () => `robin.${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`

const sameMailbox: Record<string, (local: string) => string> = {
  'the same spelling': (local) => `${local}@gmail.com`,
  'upper case': (local) => `${local}@gmail.com`.toUpperCase(),
  'the domain in upper case': (local) => `${local}@GMail.Com`,
  'no dot': (local) => `${local.replaceAll('.', '')}@gmail.com`,
  'dots elsewhere': (local) => `${local.replaceAll('.', '').split('').join('.')}@gmail.com`,
  'a tag': (local) => `${local}+shopping@gmail.com`,
  'dots, a tag and upper case': (local) => `${local.replace('n.', '.n.')}+x.Y@gmail.com`.toUpperCase(),
  'Gmail’s other domain': (local) => `${local}@googlemail.com`,
  'a full-width @': (local) => `${local}＠gmail.com`,
  'full-width letters': (local) => `${local.replace('robin', 'ｒｏｂｉｎ')}@gmail.com`,
  'a domain in full-width letters': (local) => `${local}@ｇｍａｉｌ.com`,
}

describe('an address that belongs to an account', () => {
  it.each(Object.entries(sameMailbox))('is not taken for a second one, in %s', async (_, spell) => {
    const local = fresh()
    expect((await registerWith(`${local}@gmail.com`)).status).toBe(201)
    const { status, body } = await registerWith(spell(local), { hd: 'gmail.com' })
    expect([status, body]).toEqual([409, unavailable])
  })

  it('is refused in the same words whatever account it belongs to, and names no provider', async () => {
    const [first, second] = [`${fresh()}@gmail.com`, `${fresh()}@hollow-oak.example`]
    await registerWith(first)
    await registerWith(second, { hd: 'hollow-oak.example' })
    const answers = [await registerWith(first), await registerWith(second, { hd: 'hollow-oak.example' })]
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [409, unavailable],
      [409, unavailable],
    ])
  })

  it('leaves the account that has it as it was, with one identity', async () => {
    const email = `${fresh()}@gmail.com`
    const { body } = await registerWith(email)
    await registerWith(email)
    const { body: profile } = await call<Authenticated['user']>('GET', '/auth/profile', { token: body.session_token })
    expect(profile).toEqual({ ...body.user, birthdate: '1990-06-15' })
  })

  it('does not stop a person whose address only looks like it', async () => {
    const local = fresh()
    await registerWith(`${local}@gmail.com`)
    const lookalikes = [`${local}@gmail.co`, `${local}x@gmail.com`, `${local.replace('.', '-')}@gmail.com`]
    for (const email of lookalikes) expect((await registerWith(email)).status).toBe(201)
    // A Cyrillic о: no address that mail could be sent to, so none is kept.
    const { status, body } = await registerWith(`${local.replace('o', 'о')}@gmail.com`)
    expect([status, body.user.email]).toEqual([201, null])
  })

  it('keeps dots and tags apart where they mean something', async () => {
    const local = fresh()
    const workspace = { hd: 'hollow-oak.example' }
    const spellings = [local, local.replaceAll('.', ''), `${local}+tag`].map((one) => `${one}@hollow-oak.example`)
    for (const email of spellings) expect((await registerWith(email, workspace)).status).toBe(201)
  })
})

const unvouched: Record<string, [claims: Record<string, unknown>, omit?: string[]]> = {
  'email_verified is false': [{ hd: 'brandt.example', email_verified: false }],
  'email_verified is missing': [{ hd: 'brandt.example' }, ['email_verified']],
  'email_verified is a text': [{ hd: 'brandt.example', email_verified: 'true' }],
  'Google does not run the mailbox': [{ email_verified: true }],
}

describe('an address that nobody vouches for', () => {
  it.each(Object.entries(unvouched))('is kept but blocks nobody and is not blocked, where %s', async (_, said) => {
    const email = `${fresh()}@brandt.example`
    const answers = [
      await registerWith(email, ...said),
      await registerWith(email, ...said),
      await registerWith(email, { hd: 'brandt.example' }),
      await registerWith(email, ...said),
    ]
    expect(answers.map(({ status, body }) => [status, body.user.email])).toEqual([
      [201, email],
      [201, email],
      [201, email],
      [201, email],
    ])
    expect((await registerWith(email, { hd: 'brandt.example' })).body).toEqual(unavailable)
  })

  it('is one of gmail.com too, when Google says that it is not verified', async () => {
    const email = `${fresh()}@gmail.com`
    await registerWith(email)
    expect((await registerWith(email, { email_verified: false })).status).toBe(201)
  })

  it('is one whose domain only ends like gmail.com', async () => {
    const email = `${fresh()}@not-gmail.com`
    expect([(await registerWith(email)).status, (await registerWith(email)).status]).toEqual([201, 201])
  })
})
