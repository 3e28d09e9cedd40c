-- What authenticates a flight, and what only the service may write inside one.
create function app.begin_session(presented bytea)
  returns table (session_id uuid, user_id uuid, role text, expires_at timestamptz, authenticated_at timestamptz, data_keys jsonb)
  language plpgsql volatile security definer set search_path = '' as $$
declare found_session record;
begin
  select s.id, s.user_id, u.role, s.expires_at, s.absolute_expires_at, s.authenticated_at, s.last_active_at, s.idle_lifetime_seconds,
      case when u.opens_18_on <= (now() at time zone 'utc')::date then '{everyone,16,18}'
           when u.opens_16_on <= (now() at time zone 'utc')::date then '{everyone,16}'
           else '{everyone}' end as ratings
    into found_session
    from public.user_sessions s join public.users u on u.id = s.user_id
    where s.token_hash = presented and s.revoked_at is null and s.expires_at > now() and u.is_active;
  if not found then
    raise exception 'invalid session' using errcode = 'NF401';
  end if;
  perform set_config('app.user_id', found_session.user_id::text, true),
          set_config('app.session_id', found_session.id::text, true),
          set_config('app.admitted_ratings', found_session.ratings, true);
  if found_session.last_active_at < now() - interval '1 minute' and not current_setting('transaction_read_only')::boolean then
    found_session.expires_at := least(
      now() + make_interval(secs => found_session.idle_lifetime_seconds), found_session.absolute_expires_at);
    update public.user_sessions t set last_active_at = now(), expires_at = found_session.expires_at
      where t.id = (select l.id from public.user_sessions l where l.id = found_session.id for update skip locked);
  end if;
  return query select found_session.id, found_session.user_id, found_session.role, found_session.expires_at::timestamptz,
    found_session.authenticated_at::timestamptz,
    (select jsonb_agg(jsonb_build_object(
        'version', k.version, 'key_encryption_key_id', k.key_encryption_key_id, 'wrapped_key', encode(k.wrapped_key, 'hex')
      ) order by k.version) from public.user_keys k where k.user_id = found_session.user_id);
end $$;
--> statement-breakpoint
comment on function app.begin_session(bytea) is
  'Opens a person''s transaction by the SHA-256 of their session token; NF401 when it is unknown, expired, revoked or the account is not live.';
--> statement-breakpoint
create function app.begin_turn(presented bytea) returns table (turn_id uuid, user_id uuid, is_session_live boolean)
  language plpgsql volatile security definer set search_path = '' as $$
declare found_turn record;
begin
  select t.id, t.user_id, t.session_id into found_turn
    from public.turns t join public.users u on u.id = t.user_id
    where t.key_hash = presented and t.state = 'streaming' and u.is_active;
  if not found then
    raise exception 'invalid turn' using errcode = 'NF401';
  end if;
  perform set_config('app.user_id', found_turn.user_id::text, true),
          set_config('app.turn_id', found_turn.id::text, true);
  return query select found_turn.id, found_turn.user_id, exists (
    select from public.user_sessions s where s.id = found_turn.session_id and s.revoked_at is null and s.expires_at > now());
end $$;
--> statement-breakpoint
comment on function app.begin_turn(bytea) is
  'Opens the transaction of a streaming turn by the SHA-256 of its key, whether or not the session that began it still lives; NF401 otherwise.';
--> statement-breakpoint
create function app.place_message() returns trigger
  language plpgsql volatile security definer set search_path = '' as $$
begin
  update public.conversations c
    set last_seq = c.last_seq + 1, message_count = c.message_count + 1, last_message_at = now(), updated_at = now()
    where c.id = new.conversation_id and c.user_id = new.user_id
    returning c.last_seq into new.seq;
  if not found then
    raise exception 'no such conversation' using errcode = '23503', constraint = 'messages_conversation_id_user_id_fkey';
  end if;
  return new;
end $$;
--> statement-breakpoint
comment on function app.place_message() is 'Gives a message the next seq of its conversation; the conversation''s row keeps writers in order.';
--> statement-breakpoint
create trigger messages_place before insert on public.messages for each row execute function app.place_message();
--> statement-breakpoint
create function app.finish_turn(
  final_state text, reply_content bytea, reply_model text, reply_latency_ms integer, used_prompt_tokens integer,
  used_completion_tokens integer
) returns void language plpgsql volatile security definer set search_path = '' as $$
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
    insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, status, tokens, model, latency_ms)
      values (ended.reply_message_id, ended.user_id, ended.conversation_id, ended.user_message_id, ended.id, 'assistant', 'companion',
        reply_content, case when final_state = 'complete' then 'complete' else 'interrupted' end, used_completion_tokens, reply_model,
        reply_latency_ms);
  end if;
end $$;
--> statement-breakpoint
comment on function app.finish_turn(text, bytea, text, integer, integer, integer) is
  'Ends the turn of this transaction and stores its reply; NF409 when it has ended already.';
--> statement-breakpoint
create function app.record_external_reply(
  new_message_id uuid, target_conversation_id uuid, new_content bytea, new_content_type text, new_metadata jsonb, new_model text
) returns void language plpgsql volatile security definer set search_path = '' as $$
begin
  if app.current_session_id() is null then
    raise exception 'no session' using errcode = 'NF401';
  end if;
  insert into public.messages (id, user_id, conversation_id, role, origin, content, content_type, metadata, model)
    values (new_message_id, app.current_user_id(), target_conversation_id, 'assistant', 'external', new_content, new_content_type,
      new_metadata, new_model);
end $$;
--> statement-breakpoint
comment on function app.record_external_reply(uuid, uuid, bytea, text, jsonb, text) is
  'A reply that the caller''s own backend made, marked external so that nobody takes it for the companion''s.';
--> statement-breakpoint
do $$
declare signature text;
begin
  grant create on schema app to neuraform_gate;
  foreach signature in array array[
    'app.begin_session(bytea)',
    'app.begin_turn(bytea)',
    'app.place_message()',
    'app.finish_turn(text, bytea, text, integer, integer, integer)',
    'app.record_external_reply(uuid, uuid, bytea, text, jsonb, text)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    -- A trigger's function is called by nobody.
    if signature <> 'app.place_message()' then
      execute format('grant execute on function %s to neuraform_user', signature);
    end if;
    execute format('alter function %s owner to neuraform_gate', signature);
  end loop;
  revoke create on schema app from neuraform_gate;
end $$;
