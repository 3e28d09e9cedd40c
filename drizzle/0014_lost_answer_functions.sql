-- A turn's flights and an erasure's steps may each be heard while their answer is lost: flown again, they find what they did.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create or replace function app.begin_turn(presented bytea) returns table (turn_id uuid, user_id uuid, is_session_live boolean)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare found_turn record;
  begin
    -- One that has just ended is let in, so that its last flight may ask again whether it was heard.
    select t.id, t.user_id, t.session_id into found_turn
      from public.turns t join public.users u on u.id = t.user_id
      where t.key_hash = presented and (t.state = 'streaming' or t.ended_at > now() - interval '1 minute') and u.is_active;
    if not found then
      raise exception 'invalid turn' using errcode = 'NF401';
    end if;
    perform set_config('app.user_id', found_turn.user_id::text, true),
            set_config('app.turn_id', found_turn.id::text, true);
    return query select found_turn.id, found_turn.user_id, exists (
      select from public.user_sessions s where s.id = found_turn.session_id and s.revoked_at is null and s.expires_at > now());
  end $body$;

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
      insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, words, status, tokens,
          model, latency_ms)
        values (ended.reply_message_id, ended.user_id, ended.conversation_id, ended.user_message_id, ended.id, 'assistant', 'companion',
          reply_content, reply_words, case when final_state = 'complete' then 'complete' else 'interrupted' end,
          used_completion_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;
  comment on function app.finish_turn(text, bytea, text, integer, integer, integer, bigint[]) is
    'Ends the turn of this transaction and stores its reply; nothing where it did so already, NF409 when it ended in another way.';

  drop function app.pending_erasures();
  create function app.pending_erasures() returns table (erasure_id uuid, user_id uuid, has_audio boolean)
    language sql volatile security definer set search_path = '' as $body$
    select e.id, e.user_id, exists (select from public.voice_data v where v.user_id = e.user_id) or coalesce(cardinality(e.cache_keys), 0) > 0
    from public.erasures e where e.completed_at is null order by random() limit 20
  $body$;
  comment on function app.pending_erasures() is
    'Some erasures that have not ended, in no order, so that none that fails for ever stands in the way of the others.';

  drop function app.finish_erasure(uuid);
  create function app.erase_rows(erasure_id uuid) returns bytea[]
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    leaving uuid;
    too_new bytea[];
  begin
    -- Whoever still writes for this person holds a lock on this row until their transaction ends.
    select u.id into leaving from public.users u join public.erasures e on e.user_id = u.id
      where e.id = erasure_id and not u.is_active for update of u;
    if leaving is not null then
      select array_agg(v.cache_key) into too_new from public.voice_data v
        where v.user_id = leaving and v.cache_key is not null and v.created_at > now() - interval '10 minutes';
      update public.erasures e set cache_keys = too_new where e.user_id = leaving and e.completed_at is null;
      perform app.record_service_event(leaving, 'account.erased', 'erasure:' || erasure_id, '{}', null);
      delete from public.users u where u.id = leaving;
    end if;
    return (select e.cache_keys from public.erasures e where e.id = erasure_id);
  end $body$;
  comment on function app.erase_rows(uuid) is
    'Deletes the account''s rows; every table follows by its foreign keys. Returns the names of lines so new that a listing of KV may not show them yet; a second call returns the same.';

  create function app.complete_erasure(erasure_id uuid) returns void
    language sql volatile security definer set search_path = '' as $body$
    update public.erasures e set completed_at = now(), user_id = null, cache_keys = null
    where e.id = erasure_id and e.completed_at is null and not exists (select from public.users u where u.id = e.user_id)
  $body$;
  comment on function app.complete_erasure(uuid) is 'Ends an erasure whose rows and blobs are gone, and forgets whose it was.';

  revoke all on function app.pending_erasures(), app.erase_rows(uuid), app.complete_erasure(uuid) from public;
  grant execute on function app.pending_erasures(), app.erase_rows(uuid), app.complete_erasure(uuid) to neuraform_jobs;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
