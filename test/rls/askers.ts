import type { Person } from '#test/rls/people.ts'
import type { Scene } from '#test/rls/scene.ts'

/** Somebody who asks: as which role, with what the transaction says of them, and for whose rows. */
export interface Asker {
  readonly role: string
  /** The role that the database knows; `owner` stands for one that is made for the occasion. */
  readonly dbRole: string
  readonly name: string
  readonly verbs: readonly string[]
  readonly target: Person
  /** The column that names a person. */
  readonly column: string | undefined
  /** Whether every row is asked for, and not those of the target alone. */
  readonly isOfAll: boolean
  readonly arrange: string
  readonly opening: string
}

const verbs = ['select', 'insert', 'update', 'delete']
const serviceRoles = ['neuraform_visitor', 'neuraform_auth', 'neuraform_jobs', 'neuraform_analyst']

const named = (id: string) => `select set_config('app.user_id', '${id}', true)`

/** What a transaction can say of who asks, where that must make no difference. */
const openings = (person: Person): readonly (readonly [name: string, opening: string])[] => [
  ['nobody', ''],
  ['named', named(person.userId)],
  ['empty', named('')],
  ['malformed', named('not-a-uuid')],
]

/**
 * Everybody who asks for a table's rows: a person in eight ways (one that is nobody's is asked for in four), the service's
 * own roles in four, for what is said of a person gives them nothing, and the table's owner.
 */
export function askersFor(scene: Scene, table: string, column: string | undefined): readonly Asker[] {
  const all = { target: scene.one, column, isOfAll: true, arrange: '', opening: '', verbs }
  const as = (role: string): Asker => ({ ...all, role, dbRole: role, name: 'all' })
  const inEveryWay = (asker: Asker) =>
    openings(scene.one).map(([name, opening]) => Object.assign({}, asker, { name, opening }))
  const service = serviceRoles.flatMap((role) => inEveryWay(as(role)))
  const owner = {
    ...as('owner'),
    dbRole: scene.ownerRole,
    arrange: `alter table public.${table} owner to ${scene.ownerRole}; set local role ${scene.ownerRole}`,
  }
  const person = as('neuraform_user')
  if (column === undefined) return [...inEveryWay(person), ...service, owner]
  return [...peopleFor(scene, table, column, person), ...service, owner]
}

function peopleFor(scene: Scene, table: string, column: string, person: Asker): readonly Asker[] {
  const session = `select app.begin_session('\\x${scene.one.tokenHash.toString('hex')}')`
  const others = { ...person, target: scene.two, isOfAll: false }
  // A grant that nobody has: with it only the policy stands between a person and giving their rows away.
  const arrange = `grant update (${column}) on public.${table} to neuraform_user`
  return [
    { ...person, name: 'own', opening: named(scene.one.userId) },
    { ...person, name: 'session', opening: session },
    { ...person, name: 'given', opening: named(scene.one.userId), arrange, verbs: ['give'] },
    { ...others, name: 'other', opening: named(scene.one.userId) },
    { ...others, name: 'session-other', opening: session },
    { ...others, name: 'nobody', opening: '' },
    { ...others, name: 'empty', opening: named('') },
    { ...others, name: 'malformed', opening: named('not-a-uuid') },
  ]
}
