import type { Authenticated } from '#src/auth/shapes.ts'
import { call, googleToken, newUser, registration, signIn } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

interface PersonaWish {
  readonly ownerId?: string
  readonly rating?: 'everyone' | '16' | '18'
  readonly isPublic?: boolean
  readonly isActive?: boolean
  readonly systemPrompt?: string
  readonly greeting?: string
  readonly voiceConfig?: Record<string, unknown>
  readonly createdAt?: string
}

/** A persona of somebody's own, and of somebody new unless an owner is named: no route makes one yet. */
export async function newPersona(wish: PersonaWish = {}): Promise<string> {
  const id = crypto.randomUUID()
  await asOwner(
    `insert into personas (id, owner_id, display_name, description, system_prompt, greeting, rating, is_public, is_active,
       voice_config, created_at)
     values ($1, $2, 'Own', 'own', $3, $9, $4, $5, $6, $7, coalesce($8::timestamptz, now()))`,
    [
      id,
      wish.ownerId ?? (await newUser()).user.id,
      wish.systemPrompt ?? 'own',
      wish.rating ?? 'everyone',
      wish.isPublic ?? false,
      wish.isActive ?? true,
      wish.voiceConfig ?? {},
      wish.createdAt ?? null,
      wish.greeting ?? 'own',
    ],
  )
  return id
}

/** The session token of a new account of somebody who turned so old in January. */
export async function tokenAtAge(years: number): Promise<string> {
  const { body: login } = await signIn(await googleToken())
  const ticket = login.status === 'registration_required' ? login.registration_ticket : ''
  const birthdate = `${new Date().getUTCFullYear() - years}-01-01`
  const { body } = await call<Authenticated>('POST', '/auth/register', {
    body: { ...registration(ticket), birthdate },
  })
  return body.session_token
}
