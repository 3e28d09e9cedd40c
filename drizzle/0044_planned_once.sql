-- What is read at each start of an app, and what a turn reads and writes, is planned once for a connection: as a statement it is
-- planned each time. So are the checks of foreign keys, where all that writes a row is a function: a plan that was made under
-- another search path does not count.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  -- Each names its columns: a row of a table has one more once a migration adds it, also for who asks meanwhile.
  create function app.newest_conversations(most integer)
    returns table (
      id uuid, persona_id uuid, title bytea, summary bytea, metadata jsonb, tags text[], is_active boolean, is_pinned boolean,
      is_temporary boolean, message_count integer, last_seq bigint, leaf_message_id uuid, last_message_at timestamptz,
      created_at timestamptz, updated_at timestamptz
    ) language plpgsql stable rows 20 security invoker set search_path = '' as $body$
  begin
    return query
      select c.id, c.persona_id, c.title, c.summary, c.metadata, c.tags, c.is_active, c.is_pinned, c.is_temporary, c.message_count,
          c.last_seq, c.leaf_message_id, c.last_message_at, c.created_at, c.updated_at
        from public.conversations c order by c.updated_at desc nulls last, c.id desc nulls last limit most;
  end $body$;
  comment on function app.newest_conversations(integer) is
    'The conversations of this transaction''s person with the newest activity, so many at the most, the newest first.';

  create function app.claimed_resource(claimed_key text) returns uuid
    language plpgsql stable security invoker set search_path = '' as $body$
  begin
    return (select k.resource_id from public.idempotency_keys k where k.key = claimed_key);
  end $body$;
  comment on function app.claimed_resource(text) is 'The id of what was made under this idempotency key of the person, or null.';

  create function app.opened_turn(answered_id uuid)
    returns table (
      id uuid, conversation_id uuid, state text, key_hash bytea, user_message_id uuid, reply_message_id uuid, checkpoint bytea,
      memory_ids uuid[], checked_at timestamptz, persona_id uuid, title bytea, summary bytea, summary_seq bigint, display_name text,
      description text, system_prompt text, example_dialogue text, personality_config jsonb, lorebook jsonb
    ) language plpgsql stable rows 1 security invoker set search_path = '' as $body$
  begin
    return query
      select t.id, t.conversation_id, t.state, t.key_hash, t.user_message_id, t.reply_message_id, t.checkpoint, t.memory_ids,
          t.checked_at, c.persona_id, c.title, c.summary, c.summary_seq, p.display_name, p.description, p.system_prompt,
          p.example_dialogue, p.personality_config, p.lorebook
        from public.turns t join public.conversations c on c.id = t.conversation_id
        left join public.personas p on p.id = c.persona_id
        where t.id = answered_id;
  end $body$;
  comment on function app.opened_turn(uuid) is
    'A turn of the person''s, its conversation, and the companion that answers; nothing of a companion that they may not see.';

  create function app.messages_on_path(start_id uuid, in_conversation_id uuid, most integer)
    returns table (
      id uuid, conversation_id uuid, parent_id uuid, turn_id uuid, seq bigint, role text, origin text, content bytea, content_type text,
      metadata jsonb, status text, tokens integer, model text, latency_ms integer, feedback text, memory_ids uuid[],
      is_recallable boolean, is_drawn boolean, created_at timestamptz
    ) language plpgsql stable rows 40 security invoker set search_path = '' as $body$
  begin
    -- As an array each message is looked up by its id; joined, all that the person ever said may be read instead.
    return query
      select m.id, m.conversation_id, m.parent_id, m.turn_id, m.seq, m.role, m.origin, m.content, m.content_type, m.metadata, m.status,
          m.tokens, m.model, m.latency_ms, m.feedback, m.memory_ids, m.is_recallable, m.is_drawn, m.created_at
        from public.messages m
        where m.id = any (array(select p.id from app.path_from(start_id, in_conversation_id, most) p));
  end $body$;
  comment on function app.messages_on_path(uuid, uuid, integer) is
    'A message of a conversation and what it follows, up to the first one, so many at the most, in no order.';

  create function app.messages_of_turn(answered_id uuid)
    returns table (
      id uuid, conversation_id uuid, parent_id uuid, turn_id uuid, seq bigint, role text, origin text, content bytea, content_type text,
      metadata jsonb, status text, tokens integer, model text, latency_ms integer, feedback text, memory_ids uuid[],
      is_recallable boolean, is_drawn boolean, created_at timestamptz
    ) language plpgsql stable rows 2 security invoker set search_path = '' as $body$
  begin
    return query
      select m.id, m.conversation_id, m.parent_id, m.turn_id, m.seq, m.role, m.origin, m.content, m.content_type, m.metadata, m.status,
          m.tokens, m.model, m.latency_ms, m.feedback, m.memory_ids, m.is_recallable, m.is_drawn, m.created_at
        from public.messages m
        where m.id = any (array(select unnest(array[t.user_message_id, t.reply_message_id]) from public.turns t where t.id = answered_id));
  end $body$;
  comment on function app.messages_of_turn(uuid) is
    'The words that a turn of the person''s answers, and its reply, as far as they are stored.';

  create function app.open_turn(
    new_id uuid, in_conversation_id uuid, new_key_hash bytea, words_id uuid, reply_id uuid, entry_id uuid, amount integer,
    daily_limit bigint
  ) returns void language plpgsql volatile security invoker set search_path = '' as $body$
  begin
    -- What is not there is missing, whatever the day has left. The entry comes before the row that names it: written into a
    -- row of the same transaction it would have all its foreign keys checked once more.
    if exists (select from public.conversations c where c.id = in_conversation_id) then
      perform app.reserve_usage(entry_id, 'llm_tokens', amount, daily_limit);
    end if;
    insert into public.turns (id, conversation_id, key_hash, user_message_id, reply_message_id, usage_id)
      values (new_id, in_conversation_id, new_key_hash, words_id, reply_id, entry_id) on conflict do nothing;
  end $body$;
  comment on function app.open_turn(uuid, uuid, bytea, uuid, uuid, uuid, integer, bigint) is
    'Opens a turn in a conversation of the person''s, with so many tokens set aside for it; a second time nothing. NF429 where they do not fit into the day.';

  create function app.store_words(
    words_id uuid, in_conversation_id uuid, edited_id uuid, in_turn_id uuid, sealed_content bytea, word_hashes bigint[]
  ) returns void language plpgsql volatile security invoker set search_path = '' as $body$
  begin
    -- A second try waits for the first, and sees what it wrote.
    perform from public.conversations c where c.id = in_conversation_id for no key update;
    -- What begins a conversation anew names itself: whatever has no parent follows what was said last.
    insert into public.messages (id, conversation_id, parent_id, turn_id, role, content, words)
      select words_id, in_conversation_id,
          case when edited_id is not null then
            coalesce((select e.parent_id from public.messages e where e.id = edited_id), words_id) end,
          in_turn_id, 'user', sealed_content, word_hashes
        where not exists (select from public.messages m where m.id = words_id);
  end $body$;
  comment on function app.store_words(uuid, uuid, uuid, uuid, bytea, bigint[]) is
    'Stores what a person said in a turn, behind what was said last or in the place of the words that it edits; a second time nothing.';

  revoke all on function app.open_turn(uuid, uuid, bytea, uuid, uuid, uuid, integer, bigint),
    app.store_words(uuid, uuid, uuid, uuid, bytea, bigint[]) from public;
  grant execute on function app.open_turn(uuid, uuid, bytea, uuid, uuid, uuid, integer, bigint),
    app.store_words(uuid, uuid, uuid, uuid, bytea, bigint[]) to neuraform_user;
  revoke all on function app.newest_conversations(integer), app.claimed_resource(text), app.opened_turn(uuid),
    app.messages_on_path(uuid, uuid, integer), app.messages_of_turn(uuid) from public;
  grant execute on function app.newest_conversations(integer), app.claimed_resource(text), app.opened_turn(uuid),
    app.messages_on_path(uuid, uuid, integer), app.messages_of_turn(uuid) to neuraform_user;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
