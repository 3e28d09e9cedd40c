-- What a turn has said is kept as it is said; a turn whose Worker died ends with that, and may be continued.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  drop function app.begin_turn(bytea);
  create function app.begin_turn(presented bytea)
    returns table (turn_id uuid, user_id uuid, is_session_live boolean, is_stopped boolean)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare found_turn record;
  begin
    -- One that has just ended is let in, so that its last flight may ask again whether it was heard.
    select t.id, t.user_id, t.session_id, t.stop_requested_at into found_turn
      from public.turns t join public.users u on u.id = t.user_id
      where t.key_hash = presented and (t.state = 'streaming' or t.ended_at > now() - interval '1 minute') and u.is_active
      -- Whoever takes the turn up under another key waits, and after them this key opens nothing.
      for no key update of t;
    if not found then
      raise exception 'invalid turn' using errcode = 'NF401';
    end if;
    perform set_config('app.user_id', found_turn.user_id::text, true),
            set_config('app.turn_id', found_turn.id::text, true);
    return query select found_turn.id, found_turn.user_id, exists (
      select from public.user_sessions s where s.id = found_turn.session_id and s.revoked_at is null and s.expires_at > now()),
      found_turn.stop_requested_at is not null;
  end $body$;
  comment on function app.begin_turn(bytea) is
    'Opens the transaction of a streaming turn by the SHA-256 of its key, whether or not the session that began it still lives, and says whether it is to stop; NF401 otherwise.';

  create function app.checkpoint_turn(said bytea) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    update public.turns t set checkpoint = coalesce(said, t.checkpoint), checked_at = now()
      where t.id = app.current_turn_id() and t.user_id = app.current_user_id() and t.state = 'streaming';
    if not found then
      raise exception 'the turn has ended' using errcode = 'NF409', detail = 'turn_ended';
    end if;
  end $body$;
  comment on function app.checkpoint_turn(bytea) is
    'Keeps what the turn of this transaction has said so far, if it says more, and that somebody answers it; NF409 when it has ended.';

  -- A reply that is continued is there already: an insert would give it another place in its conversation first.
  create function app.store_reply(
    answered public.turns, reply_content bytea, reply_words bigint[], reply_status text, reply_tokens integer, reply_model text,
    reply_latency_ms integer
  ) returns void language plpgsql volatile security invoker set search_path = '' as $body$
  begin
    update public.messages m
      set content = reply_content, words = reply_words, status = reply_status, tokens = coalesce(reply_tokens, m.tokens),
          model = coalesce(reply_model, m.model), latency_ms = coalesce(reply_latency_ms, m.latency_ms)
      where m.id = answered.reply_message_id and m.user_id = answered.user_id;
    if not found then
      insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, words, status, tokens,
          model, latency_ms)
        values (answered.reply_message_id, answered.user_id, answered.conversation_id, answered.user_message_id, answered.id, 'assistant',
          'companion', reply_content, reply_words, reply_status, reply_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;
  comment on function app.store_reply(public.turns, bytea, bigint[], text, integer, text, integer) is
    'Stores the reply of a turn, in place of what it had before.';

  create or replace function app.finish_turn(
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
      if exists (
        select from public.turns t where t.id = app.current_turn_id() and t.state = final_state and (
          reply_content is null or exists (select from public.messages m where m.id = t.reply_message_id and m.user_id = t.user_id))
      ) then
        return;
      end if;
      raise exception 'the turn has ended' using errcode = 'NF409', detail = 'turn_ended';
    end if;
    if reply_content is not null then
      perform app.store_reply(ended, reply_content, reply_words,
        case when final_state = 'complete' then 'complete' else 'interrupted' end, used_completion_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;

  create function app.stuck_turns(seconds integer, most integer)
    returns table (turn_id uuid, user_id uuid, reply_message_id uuid, checkpoint bytea, checked_at timestamptz, data_keys jsonb)
    language sql stable security definer set search_path = '' as $body$
    select t.id, t.user_id, t.reply_message_id, t.checkpoint, t.checked_at, (select jsonb_agg(jsonb_build_object(
        'version', k.version, 'key_encryption_key_id', k.key_encryption_key_id, 'wrapped_key', encode(k.wrapped_key, 'hex')
      ) order by k.version) from public.user_keys k where k.user_id = t.user_id)
    from public.turns t
    where t.state = 'streaming' and t.checked_at < now() - make_interval(secs => seconds) order by random() limit most
  $body$;
  comment on function app.stuck_turns(integer, integer) is
    'Some of the turns that nobody has answered for so many seconds, with what they said and the keys that it is sealed under: others each time, for some may be beyond ending.';

  create function app.end_stuck_turn(stuck_id uuid, stuck_since timestamptz, said_content bytea, said_words bigint[]) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare ended public.turns;
  begin
    update public.turns t
      set state = case when said_content is not null or exists (select from public.messages m where m.id = t.reply_message_id)
            then 'interrupted' else 'failed' end, ended_at = now(), checkpoint = null
      where t.id = stuck_id and t.state = 'streaming' and t.checked_at = stuck_since
      returning t.* into ended;
    if found and said_content is not null then
      perform app.store_reply(ended, said_content, said_words, 'interrupted', null, null, null);
    end if;
  end $body$;
  comment on function app.end_stuck_turn(uuid, timestamptz, bytea, bigint[]) is
    'Ends a turn that nobody answers any more: as interrupted with what it said, or as failed, so that its key may say it again. Nothing where somebody took it up meanwhile.';

  revoke all on function app.begin_turn(bytea), app.checkpoint_turn(bytea),
    app.store_reply(public.turns, bytea, bigint[], text, integer, text, integer), app.stuck_turns(integer, integer),
    app.end_stuck_turn(uuid, timestamptz, bytea, bigint[]) from public;
  grant execute on function app.begin_turn(bytea), app.checkpoint_turn(bytea) to neuraform_user;
  grant execute on function app.stuck_turns(integer, integer), app.end_stuck_turn(uuid, timestamptz, bytea, bigint[]) to neuraform_jobs;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
