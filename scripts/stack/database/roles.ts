import { randomBytes } from 'node:crypto'
import { escapeIdentifier, escapeLiteral, type Client } from 'pg'
import { attempt, inTransaction } from '#scripts/stack/database/attempt.ts'
import { StackFailure } from '#scripts/stack/failure.ts'

/** The Worker's login. It holds no grant on any table and reaches rows only as one of the set-able roles. */
export const edgeRole = 'neuraform_edge'
/** Owns the schemas and tables, and runs the migrations. */
export const ownerRole = 'neuraform_owner'

const gateRole = 'neuraform_gate'
const settableRoles = ['neuraform_user', 'neuraform_visitor', 'neuraform_auth', 'neuraform_jobs', 'neuraform_analyst']
const allRoles = [ownerRole, gateRole, ...settableRoles, edgeRole]

/** What to do about the password of a login that is there already when no password was given. */
export type ExistingPassword = 'keep' | 'replace'

export interface EdgeLogin {
  /** Undefined when the login's password was kept and so is not known here. */
  readonly password: string | undefined
  readonly source: 'given' | 'made' | 'replaced' | 'kept'
}

/**
 * Makes the cluster's roles and their memberships where they are missing; a new `neuraform_edge` cannot log in yet.
 * `neuraform_owner` may act as `neuraform_gate`, the connecting user as `neuraform_owner` and `neuraform_jobs`, the
 * login as the set-able roles only. Works for a superuser and for a role with CREATEROLE, on PostgreSQL 15 and later.
 */
export async function ensureRoles(client: Client): Promise<void> {
  const remedy = await remedyFor(client)
  await attempt(client, { what: 'make or change the neuraform roles', remedy }, () =>
    inTransaction(client, async () => {
      await makeMissingRoles(client)
      await ensureMemberships(client)
    }),
  )
  await assertLoginIsBound(client)
}

/**
 * Lets `neuraform_edge` log in and settles its password: the last step, so that a set-up that fails has neither made a
 * password that nobody was told nor replaced one that the Worker uses.
 */
export async function openLogin(
  client: Client,
  given: string | undefined,
  existing: ExistingPassword,
): Promise<EdgeLogin> {
  const remedy = await remedyFor(client)
  return await attempt(client, { what: `change ${edgeRole}`, remedy }, () =>
    inTransaction(client, () => settlePassword(client, given, existing)),
  )
}

async function settlePassword(
  client: Client,
  given: string | undefined,
  existing: ExistingPassword,
): Promise<EdgeLogin> {
  const open = await client.query('select from pg_roles where rolname = $1 and rolcanlogin', [edgeRole])
  if (open.rowCount !== 0 && given === undefined && existing === 'keep') return { password: undefined, source: 'kept' }
  const password = given ?? randomBytes(24).toString('base64url')
  // In clear, for Neon hashes passwords itself and takes no others. Whoever logs DDL on the server sees it there.
  await client.query(`alter role ${edgeRole} login password ${escapeLiteral(password)}`)
  const unasked = open.rowCount === 0 ? 'made' : 'replaced'
  return { password, source: given === undefined ? unasked : 'given' }
}

/** None inherits: the owner too is bound by FORCE ROW LEVEL SECURITY, where a policy lets the gate see every row. */
async function makeMissingRoles(client: Client): Promise<void> {
  const statements = allRoles.map(
    (role) =>
      `if not exists (select from pg_roles where rolname = '${role}') then create role ${role} nologin noinherit;
       elsif exists (select from pg_roles where rolname = '${role}' and rolinherit) then alter role ${role} noinherit; end if;`,
  )
  await client.query(`do $$ begin ${statements.join('\n')} end $$`)
}

async function ensureMemberships(client: Client): Promise<void> {
  for (const role of settableRoles) await ensureMember(client, role, edgeRole)
  await ensureMember(client, gateRole, ownerRole)
  await keepFromInheriting(client)
  const me = await client.query<{ rolsuper: boolean }>('select rolsuper from pg_roles where rolname = current_user')
  if (me.rows[0]?.rolsuper === true) return
  for (const role of [ownerRole, 'neuraform_jobs']) await ensureMember(client, role, client.user ?? '')
}

/**
 * Grants a role unless the member may already act as it. From 16 on, whoever makes a role becomes a member that may
 * grant it but not act as it (ADMIN without SET); a plain GRANT adds the right to act, and means the same on 15.
 */
async function ensureMember(client: Client, role: string, member: string): Promise<void> {
  const version = await client.query<{ isBefore16: boolean }>(
    `select current_setting('server_version_num')::int < 160000 as "isBefore16"`,
  )
  const privilege = version.rows[0]?.isBefore16 === true ? 'member' : 'set'
  const found = await client.query<{ canAct: boolean }>('select pg_has_role($1, $2, $3) as "canAct"', [
    member,
    role,
    privilege,
  ])
  if (found.rows[0]?.canAct !== true) await client.query(`grant ${role} to ${escapeIdentifier(member)}`)
}

/** From 16 on a membership says for itself whether it inherits, as it was decided when it was granted. */
async function keepFromInheriting(client: Client): Promise<void> {
  const found = await client.query<{ inherits: boolean }>(`select pg_has_role($1, $2, 'usage') as inherits`, [
    ownerRole,
    gateRole,
  ])
  if (found.rows[0]?.inherits === true) await client.query(`grant ${gateRole} to ${ownerRole} with inherit false`)
}

/** Row-level security guards nothing from a login that bypasses it or can become the tables' owner. */
async function assertLoginIsBound(client: Client): Promise<void> {
  const found = await client.query<{ isFree: boolean }>(
    `select rolsuper or rolbypassrls or rolinherit
        or pg_has_role(oid, $1, 'member') or pg_has_role(oid, $2, 'member') as "isFree"
      from pg_roles where rolname = $3`,
    [ownerRole, gateRole, edgeRole],
  )
  if (found.rows[0]?.isFree === false) return
  throw new StackFailure(
    `${edgeRole} must be an ordinary NOINHERIT login outside ${ownerRole} and ${gateRole}. Run as a superuser: “alter role ${edgeRole} nosuperuser nobypassrls noinherit; revoke ${ownerRole}, ${gateRole} from ${edgeRole}”.`,
  )
}

/** Before 16, CREATEROLE is enough for every role; since then it reaches only the roles that the same user made. */
async function remedyFor(client: Client): Promise<string> {
  const me = escapeIdentifier(client.user ?? '')
  const found = await client.query<{ rolcreaterole: boolean }>(
    'select rolcreaterole from pg_roles where rolname = current_user',
  )
  return found.rows[0]?.rolcreaterole === true
    ? `Another user made them: run this as that one, or have a superuser run “grant ${allRoles.join(', ')} to ${me} with admin option”.`
    : `Have an administrator run “alter role ${me} createrole”.`
}
