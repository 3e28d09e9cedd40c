import { andThen, as, asSuperuser, handles, type Call } from '#test/rls/call.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'

/** What is done with a turn while it is answered, when it is continued, and when nobody answers it any more. */
export function turnCalls(scene: Scene): readonly Call[] {
  const { idOf, turn } = handles(scene)
  const reply = `'${String(rowOf(scene.one, 'turns')['reply_message_id'])}'`
  const role = 'user'
  const begun = `select * from ${turn}`
  const finish = (state: string, content: string) => `select app.finish_turn('${state}', ${content}, 'm', 1, 1, 1)`
  const replied = (status: string, content: string) =>
    `select 1 from public.messages m join public.turns t on t.id = m.turn_id and t.state = m.status
     where m.id = ${reply} and m.status = '${status}' and m.content = ${content}`
  const reopen = `${asSuperuser}; update public.turns set state = 'streaming', ended_at = null where id = ${idOf('turns')}; ${as(role)}`
  const old = `${asSuperuser}; update public.turns set checked_at = '2020-01-01', checkpoint = '\\x0b' where id = ${idOf('turns')}; ${as('jobs')}`
  const endStuck = (since: string, content: string) =>
    `select app.end_stuck_turn(${idOf('turns')}, '${since}', ${content}, '{}')`
  const stateIs = (state: string) => `select 1 from public.turns where id = ${idOf('turns')} and state = '${state}'`
  return [
    { name: 'begin_turn', role, text: `${begun} where is_session_live and not is_stopped` },
    {
      name: 'begin_turn of one that is to stop',
      role,
      text: `${asSuperuser}; update public.turns set stop_requested_at = now() where id = ${idOf('turns')}; ${as(role)}; ${begun} where is_stopped`,
    },
    {
      name: 'checkpoint_turn',
      role,
      text: `${asSuperuser}; update public.turns set checked_at = '2020-01-01'; ${as(role)}; ${begun};
        select app.checkpoint_turn('\\x0a'); select app.checkpoint_turn(null)${andThen(
          `select 1 from public.turns where checkpoint = '\\x0a' and checked_at > '2021-01-01'`,
        )}`,
    },
    {
      name: 'checkpoint_turn of one that has ended',
      role,
      text: `${begun}; ${finish('failed', 'null')}; select app.checkpoint_turn('\\x0a')`,
      expected: 'NF409',
    },
    {
      name: 'finish_turn',
      role,
      text: `${begun}; ${finish('complete', "'\\x00'")}${andThen(replied('complete', "'\\x00'"))}`,
    },
    {
      name: 'finish_turn of one that was continued',
      role,
      text: `${begun}; ${finish('interrupted', "'\\x00'")}; ${reopen}; ${begun}; ${finish('complete', "'\\x0001'")}${andThen(
        replied('complete', "'\\x0001'"),
      )}`,
    },
    {
      name: 'stuck_turns',
      role: 'jobs',
      text: `${old}; select 1 from app.stuck_turns(60, 100000) where turn_id = ${idOf('turns')} and checkpoint = '\\x0b'
        and data_keys -> 0 ->> 'version' = '1'`,
    },
    {
      name: 'stuck_turns, of one that is answered',
      role: 'jobs',
      text: `select 1 from app.stuck_turns(60, 100000) where turn_id = ${idOf('turns')}`,
      expected: 0,
    },
    {
      name: 'end_stuck_turn with what it said',
      role: 'jobs',
      text: `${old}; ${endStuck('2020-01-01', "'\\x00'")}${andThen(replied('interrupted', "'\\x00'"))}`,
    },
    {
      name: 'end_stuck_turn that said nothing',
      role: 'jobs',
      text: `${old}; ${endStuck('2020-01-01', 'null')}${andThen(stateIs('failed'))}`,
    },
    {
      name: 'end_stuck_turn that had said something before it was continued',
      role: 'jobs',
      text: `${as(role)}; ${begun}; ${finish('interrupted', "'\\x00'")}; ${reopen}; ${old}; ${endStuck('2020-01-01', 'null')}${andThen(
        replied('interrupted', "'\\x00'"),
      )}`,
    },
    {
      name: 'end_stuck_turn that somebody took up meanwhile',
      role: 'jobs',
      text: `${old}; ${endStuck('2020-01-02', "'\\x00'")}${andThen(stateIs('streaming'))}`,
    },
  ]
}
