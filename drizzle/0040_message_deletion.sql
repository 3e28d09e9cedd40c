-- What is deleted takes along what follows it; the path goes on with what is left.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.newest_end(from_id uuid, in_conversation_id uuid) returns uuid
    language plpgsql stable security invoker set search_path = '' as $body$
  declare end_id uuid := from_id; next_id uuid;
  begin
    if end_id is null then
      select m.id into end_id from public.messages m
        where m.parent_id is null and m.conversation_id = in_conversation_id order by m.seq desc limit 1;
    end if;
    loop
      select m.id into next_id from public.messages m
        where m.parent_id = end_id and m.conversation_id = in_conversation_id order by m.seq desc limit 1;
      exit when next_id is null;
      end_id := next_id;
    end loop;
    return end_id;
  end $body$;
  comment on function app.newest_end(uuid, uuid) is
    'Where the newest versions of what follows a message end; without a message, of all that was said.';

  create function app.delete_messages(first_id uuid, in_conversation_id uuid) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare held record; first_one record; gone uuid[];
  begin
    if app.current_session_id() is null then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    -- Whoever writes to this conversation, or opens a turn in it, waits here.
    select c.leaf_message_id, c.summary_seq into held from public.conversations c
      where c.id = in_conversation_id and c.user_id = app.current_user_id() for update;
    if not found then
      return 0;
    end if;
    select m.parent_id, m.seq into first_one from public.messages m where m.id = first_id and m.conversation_id = in_conversation_id;
    if not found then
      return 0;
    end if;
    if exists (
      select from public.turns t
        where t.conversation_id = in_conversation_id and t.state = 'streaming' and t.checked_at > now() - interval '30 seconds'
    ) then
      raise exception 'a reply is being made' using errcode = 'NF409', detail = 'turn_in_progress';
    end if;
    gone := array(
      with recursive told (id) as (
        select first_id
        union all
        select n.id from told t join public.messages n on n.parent_id = t.id and n.conversation_id = in_conversation_id
      ) select t.id from told t);
    -- A turn whose words stay has said nothing; its key says it again.
    update public.turns t set state = 'failed', checkpoint = null, ended_at = coalesce(t.ended_at, now())
      where t.conversation_id = in_conversation_id and t.reply_message_id = any (gone) and t.user_message_id <> all (gone);
    delete from public.turns t where t.conversation_id = in_conversation_id and t.user_message_id = any (gone);
    delete from public.messages m where m.id = any (gone) and m.conversation_id = in_conversation_id;
    update public.conversations c
      set message_count = c.message_count - cardinality(gone), updated_at = now(),
          leaf_message_id = case when held.leaf_message_id = any (gone)
            then app.newest_end(first_one.parent_id, in_conversation_id) else c.leaf_message_id end,
          summary = case when first_one.seq <= held.summary_seq then null else c.summary end,
          summary_seq = case when first_one.seq <= held.summary_seq then 0 else c.summary_seq end
      where c.id = in_conversation_id;
    return cardinality(gone);
  end $body$;
  comment on function app.delete_messages(uuid, uuid) is
    'Deletes a message of the person of this transaction and what follows it, and leads the path over what is left; how many. NF409 turn_in_progress while a reply is being made.';

  revoke all on function app.newest_end(uuid, uuid), app.delete_messages(uuid, uuid) from public;
  grant execute on function app.delete_messages(uuid, uuid) to neuraform_user;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
