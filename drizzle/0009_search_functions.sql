-- Search by word hashes, and the two functions that store a reply take its words along.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  -- Array operators are not leakproof, so that under a policy the index would not be used. The hits are found first, whatever
  -- the planner thinks of an order by id; a word's hash is another one for everybody, so that they are the caller's own.
  create function app.search_messages(
    wanted bigint[], wanted_before bigint[], in_conversation_id uuid, before_id uuid, most integer
  ) returns table (message_id uuid)
    language sql stable security definer set search_path = '' as $body$
    with hits as materialized (
      select m.id, m.user_id, m.conversation_id from public.messages m
      where (m.words @> wanted and cardinality(wanted) > 0) or (m.words @> wanted_before and cardinality(wanted_before) > 0)
    )
    select h.id from hits h
    where h.user_id = app.current_user_id()
      and (in_conversation_id is null or h.conversation_id = in_conversation_id) and (before_id is null or h.id < before_id)
    order by h.id desc limit most
  $body$;
  comment on function app.search_messages(bigint[], bigint[], uuid, uuid, integer) is
    'The caller''s messages that hold all of the words, newest first: hashed under their data key, and under the one before it where there is one.';

  drop function app.finish_turn(text, bytea, text, integer, integer, integer);
  create function app.finish_turn(
    final_state text, reply_content bytea, reply_model text, reply_latency_ms integer, used_prompt_tokens integer,
    used_completion_tokens integer, reply_words bigint[] default '{}'
  ) returns void language plpgsql volatile security definer set search_path = '' as $body$
  declare ended public.turns;
  begin
    update public.turns t
      set state = final_state, ended_at = now(), checkpoint = null, prompt_tokens = used_prompt_tokens,
          completion_tokens = used_completion_tokens
      where t.id = app.current_turn_id() and t.user_id = app.current_user_id() and t.state = 'streaming'
      returning t.* into ended;
    if not found then
      raise exception 'the turn has ended' using errcode = 'NF409', detail = 'turn_ended';
    end if;
    if reply_content is not null then
      insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, words, status, tokens,
          model, latency_ms)
        values (ended.reply_message_id, ended.user_id, ended.conversation_id, ended.user_message_id, ended.id, 'assistant', 'companion',
          reply_content, reply_words, case when final_state = 'complete' then 'complete' else 'interrupted' end,
          used_completion_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;
  comment on function app.finish_turn(text, bytea, text, integer, integer, integer, bigint[]) is
    'Ends the turn of this transaction and stores its reply; NF409 when it has ended already.';

  drop function app.record_external_reply(uuid, uuid, bytea, text, jsonb, text);
  create function app.record_external_reply(
    new_message_id uuid, target_conversation_id uuid, new_content bytea, new_content_type text, new_metadata jsonb, new_model text,
    new_words bigint[] default '{}'
  ) returns void language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if app.current_session_id() is null then
      raise exception 'no session' using errcode = 'NF401';
    end if;
    insert into public.messages (id, user_id, conversation_id, role, origin, content, words, content_type, metadata, model)
      values (new_message_id, app.current_user_id(), target_conversation_id, 'assistant', 'external', new_content, new_words,
        new_content_type, new_metadata, new_model);
  end $body$;
  comment on function app.record_external_reply(uuid, uuid, bytea, text, jsonb, text, bigint[]) is
    'A reply that the caller''s own backend made, marked external so that nobody takes it for the companion''s.';

  revoke all on function
    app.search_messages(bigint[], bigint[], uuid, uuid, integer),
    app.finish_turn(text, bytea, text, integer, integer, integer, bigint[]),
    app.record_external_reply(uuid, uuid, bytea, text, jsonb, text, bigint[]) from public;
  grant execute on function
    app.search_messages(bigint[], bigint[], uuid, uuid, integer),
    app.finish_turn(text, bytea, text, integer, integer, integer, bigint[]),
    app.record_external_reply(uuid, uuid, bytea, text, jsonb, text, bigint[]) to neuraform_user;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
--> statement-breakpoint
grant select (id, user_id, conversation_id, words) on public.messages to neuraform_gate;
