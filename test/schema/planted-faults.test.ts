import { describe, expect, it } from 'vitest'
import { faultsAfter, faultsIn } from '#test/schema/faults.ts'
import { guards } from '#test/schema/guards.ts'

type Guard = keyof typeof guards

const table = 'create table public.planted (id uuid primary key, user_id uuid not null)'
const forced = `${table}; alter table public.planted enable row level security, force row level security`
const partitioned = `create table public.planted (user_id uuid not null) partition by hash (user_id);
  alter table public.planted enable row level security, force row level security;
  create table public.planted_0 partition of public.planted for values with (modulus 1, remainder 0)`
const policy = (rule: string) =>
  `${forced}; create policy planted_user_select on public.planted for select to neuraform_user using (${rule})`
const isOwn = 'user_id = (select app.current_user_id())'
const granted = (what: string) => `${forced}; grant ${what} on public.planted to neuraform_user`
const definer =
  "create function app.planted() returns int language sql security definer set search_path = '' as 'select 1'"

const planted: readonly (readonly [guard: Guard, fault: string, statements: string])[] = [
  ['tableThatIsOpen', 'planted', table],
  ['tableThatIsOpen', 'planted', `${table}; alter table public.planted enable row level security`],
  ['tableThatIsOpen', 'planted_0', partitioned],
  ['tableWithoutPolicy', 'planted', forced],
  ['tableOfAnotherOwner', 'planted', forced],
  ['relationThatIsNoTable', 'planted', 'create view public.planted as select * from public.users'],
  [
    'relationThatIsNoTable',
    'app.planted',
    'create view app.planted with (security_invoker) as select * from public.users',
  ],
  ['relationThatIsNoTable', 'planted', 'create materialized view public.planted as select * from public.users'],
  ['grantOfMoreThanRows', 'neuraform_user TRUNCATE planted', granted('truncate')],
  ['grantOfMoreThanRows', 'neuraform_user REFERENCES planted', granted('references')],
  ['grantOfMoreThanRows', 'neuraform_user REFERENCES planted', granted('references (id)')],
  ['grantOfMoreThanRows', 'neuraform_user TRIGGER planted', granted('trigger')],
  ['grantOfMoreThanRows', 'neuraform_user SELECT planted', `${granted('select')} with grant option`],
  ['grantOfMoreThanRows', '- SELECT planted', `${forced}; grant select on public.planted to public`],
  ['grantOfMoreThanRows', '- SELECT planted', `${forced}; grant select (id) on public.planted to public`],
  [
    'grantOnAPartition',
    'neuraform_user SELECT planted_0',
    `${partitioned}; grant select on public.planted_0 to neuraform_user`,
  ],
  [
    'policyOfAnotherName',
    'planted_select',
    `${forced}; create policy planted_select on public.planted for select using (${isOwn})`,
  ],
  [
    'policyOfAnotherName',
    'planted_user_all',
    `${forced}; create policy planted_user_all on public.planted to neuraform_user using (${isOwn})`,
  ],
  ['policyThatSaysTrue', 'planted_user_select', policy('true')],
  ['policyThatSaysTrue', 'planted_user_select', policy(`${isOwn} or true`)],
  ['policyThatAsksNobody', 'planted_user_select', policy('user_id is not null')],
  ['policyThatAsksForEachRow', 'planted_user_select', policy('user_id = app.current_user_id()')],
  ['policyThatAsksForEachRow', 'planted_user_select', policy(`user_id = current_setting('app.user_id', true)::uuid`)],
  ['policyThatLetsNobodyPass', 'planted_user_select', policy(`${isOwn} or (select app.current_user_id()) is null`)],
  [
    'policyThatLetsNobodyPass',
    'planted_user_select',
    policy('user_id = coalesce((select app.current_user_id()), user_id)'),
  ],
  ['functionThatIsOpen', 'planted', definer],
  ['functionThatIsOpen', 'planted', "create function public.planted() returns int language sql as 'select 1'"],
  ['definerOfAnotherOwner', 'planted', definer],
  [
    'definerOfAnotherOwner',
    'planted',
    `${definer.replace(" set search_path = ''", '')}; alter function app.planted() owner to neuraform_gate`,
  ],
]

describe('a guard', () => {
  it.each(planted)('%s finds %s', async (guard, fault, statements) => {
    expect(await faultsIn(guards[guard])).toEqual([])
    expect((await faultsAfter(statements, guards[guard])).map(String)).toEqual([fault])
  })

  it('is proven by a fault, each of them', () => {
    expect(new Set(planted.map(([guard]) => guard))).toEqual(new Set(Object.keys(guards)))
  })
})
