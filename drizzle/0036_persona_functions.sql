-- What others talk with outlives its author's taking it away; a finished turn counts for its companion.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.freeze_persona() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare copy_id uuid := gen_random_uuid();
  begin
    if exists (select from public.conversations c where c.persona_id = old.id and c.user_id <> old.owner_id) then
      insert into public.personas (id, owner_id, display_name, description, system_prompt, greeting, example_dialogue, lorebook,
          personality_config, voice_config, vrm_model_path, expressions, rating, is_active, frozen_at)
        values (copy_id, null, old.display_name, old.description, old.system_prompt, old.greeting, old.example_dialogue, old.lorebook,
          old.personality_config, old.voice_config,
          -- What lies with its author may go with them.
          case when old.vrm_model_path like 'https://%' then null else old.vrm_model_path end, old.expressions, old.rating, false, now());
      insert into public.user_persona_preferences (user_id, persona_id, is_favorite, custom_settings, interaction_count, last_interaction_at)
        select p.user_id, copy_id, p.is_favorite, p.custom_settings, p.interaction_count, p.last_interaction_at
          from public.user_persona_preferences p where p.persona_id = old.id and p.user_id <> old.owner_id
            and exists (select from public.conversations c where c.persona_id = old.id and c.user_id = p.user_id);
      update public.conversations c set persona_id = copy_id, updated_at = now()
        where c.persona_id = old.id and c.user_id <> old.owner_id;
    end if;
    if tg_op = 'DELETE' then
      return old;
    end if;
    return new;
  end $body$;
  comment on function app.freeze_persona() is
    'Before a companion is deleted, or is no longer public: a copy of it for the conversations of others.';

  create function app.drop_frozen_personas(most integer) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare dropped integer;
  begin
    delete from public.personas p where p.id in (
      select f.id from public.personas f where f.frozen_at is not null
        and not exists (select from public.conversations c where c.persona_id = f.id) limit most);
    get diagnostics dropped = row_count;
    return dropped;
  end $body$;
  comment on function app.drop_frozen_personas(integer) is
    'Deletes copies of companions with which nobody talks any more; how many there were.';

  create function app.count_interaction(person_id uuid, in_conversation_id uuid) returns void
    language plpgsql volatile security invoker set search_path = '' as $body$
  declare spoken_id uuid;
  begin
    -- Of one that is being deleted nothing is counted: the turn would fail for its sake.
    select p.id into spoken_id from public.conversations c join public.personas p on p.id = c.persona_id
      where c.id = in_conversation_id for key share of p skip locked;
    if spoken_id is null then
      return;
    end if;
    insert into public.user_persona_preferences as p (user_id, persona_id, interaction_count, last_interaction_at)
      values (person_id, spoken_id, 1, now())
      on conflict (user_id, persona_id) do update set interaction_count = p.interaction_count + 1, last_interaction_at = now();
    -- Everybody's turns with one companion would wait for its row.
    if random() < 1.0 / 16 then
      update public.personas p set use_count = p.use_count + 16 where p.id = spoken_id;
    end if;
  end $body$;
  comment on function app.count_interaction(uuid, uuid) is 'Counts a finished turn for a person and their companion, and about once in sixteen times for everybody.';

  create or replace function app.finish_turn(
    final_state text, reply_content bytea, reply_model text, reply_latency_ms integer, used_prompt_tokens integer,
    used_completion_tokens integer, reply_words bigint[] default '{}', spent_tokens integer default 0
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
    perform app.settle_entry(ended.usage_id, ended.user_id, spent_tokens);
    if final_state = 'complete' then
      perform app.count_interaction(ended.user_id, ended.conversation_id);
    end if;
    if reply_content is not null then
      perform app.store_reply(ended, reply_content, reply_words,
        case when final_state = 'complete' then 'complete' else 'interrupted' end, used_completion_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;

  revoke all on function app.freeze_persona(), app.drop_frozen_personas(integer), app.count_interaction(uuid, uuid) from public;
  grant execute on function app.drop_frozen_personas(integer) to neuraform_jobs;

  -- Who makes a trigger must be allowed to call its function.
  grant execute on function app.freeze_persona() to neuraform_owner;
  set local role neuraform_owner;
  create trigger personas_freeze_deleted before delete on public.personas
    for each row when (old.owner_id is not null) execute function app.freeze_persona();
  create trigger personas_freeze_unpublished before update of is_public on public.personas
    for each row when (old.is_public and not new.is_public) execute function app.freeze_persona();
  set local role neuraform_gate;
  revoke execute on function app.freeze_persona() from neuraform_owner;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
