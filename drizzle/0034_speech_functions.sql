-- What was spoken is found, claimed and stored by functions: one flight says whose voice, whether it is there, and who makes it.
DROP POLICY "voice_data_user_update" ON "voice_data" CASCADE;
--> statement-breakpoint
revoke update on public.voice_data from neuraform_user;
--> statement-breakpoint
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.claim_speech(
    line_key bytea, line_is_shared boolean, lease_holder uuid, lease_seconds integer, characters_id uuid, bytes_id uuid,
    characters integer, bytes integer, daily_characters bigint, daily_bytes bigint, broken_id uuid,
    was_counted boolean
  ) returns table (state text, id uuid, r2_key text, audio_bytes integer, duration_ms integer, codec text)
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    me uuid := app.current_user_id();
    today date := (now() at time zone 'utc')::date;
    is_ours boolean := false;
  begin
    -- It was counted as heard before it turned out that its audio is gone.
    update public.speech_hits h set hits = h.hits - 1, characters = h.characters - claim_speech.characters
      where was_counted and h.user_id = me and h.day = today and h.hits > 0 and h.characters >= claim_speech.characters;
    loop
      return query
        select 'cached', v.id, v.r2_key, v.audio_bytes, v.duration_ms, v.codec from public.voice_data v
          where not line_is_shared and v.user_id = me and v.cache_key = line_key and v.id is distinct from broken_id and v.expires_at is null
        union all
        select 'cached', s.id, s.r2_key, s.audio_bytes, s.duration_ms, s.codec from public.shared_speech s
          where line_is_shared and s.cache_key = line_key and s.id is distinct from broken_id;
      if found then
        -- What is heard every day is written down once a day.
        update public.voice_data v set used_at = now()
          where not line_is_shared and v.user_id = me and v.cache_key = line_key and v.used_at < now() - interval '1 day';
        update public.shared_speech s set used_at = now()
          where line_is_shared and s.cache_key = line_key and s.used_at < now() - interval '1 day';
        insert into public.speech_hits as h (user_id, day, hits, characters) values (me, today, 1, claim_speech.characters)
          on conflict (user_id, day) do update set hits = h.hits + 1, characters = h.characters + excluded.characters;
        delete from public.speech_leases l where is_ours and l.cache_key = line_key and l.holder = lease_holder;
        return;
      end if;
      exit when is_ours;
      -- One that has ended is put aside under a name of its own: it says where its holder may have left something.
      update public.speech_leases l set cache_key = sha256(convert_to(l.audio_key, 'UTF8'))
        where l.cache_key = line_key and l.expires_at < now() and l.holder <> lease_holder;
      insert into public.speech_leases as l (cache_key, user_id, holder, audio_key, expires_at)
        values (line_key, me, lease_holder, case when line_is_shared then 'shared' else 'u/' || me end || '/v/' || lease_holder,
          now() + make_interval(secs => lease_seconds))
        on conflict (cache_key) do update set user_id = excluded.user_id, holder = excluded.holder, audio_key = excluded.audio_key,
            expires_at = excluded.expires_at
          where l.expires_at < now() or l.holder = excluded.holder;
      if not found then
        return query select 'busy', null::uuid, null::text, null::integer, null::integer, null::text;
        return;
      end if;
      -- Whoever held it before may have stored the line meanwhile: looked for once more.
      is_ours := true;
    end loop;
    perform app.reserve_usage(characters_id, 'speech_characters', claim_speech.characters, daily_characters),
      app.reserve_usage(bytes_id, 'stored_bytes', bytes, daily_bytes);
    return query select 'ours', null::uuid, null::text, null::integer, null::integer, null::text;
  end $body$;
  comment on function app.claim_speech(bytea, boolean, uuid, integer, uuid, uuid, integer, integer, bigint, bigint, uuid, boolean) is
    'A line that was spoken before, or a lease on it with what speaking it may take of the day set aside (NF429 where that does not fit), or that another one has it.';

  create function app.open_speech(
    speaker text, wished_voice text, vendor text, default_voice text, own_line bytea, public_line bytea, written bytea,
    lease_holder uuid, lease_seconds integer, characters_id uuid, bytes_id uuid, characters integer, bytes integer,
    daily_characters bigint, daily_bytes bigint, broken_id uuid, was_counted boolean,
    named_voices text[]
  ) returns table (
    state text, id uuid, r2_key text, audio_bytes integer, duration_ms integer, codec text, voice text, settings jsonb, cache_key bytea,
    is_shared boolean, persona_id uuid
  ) language plpgsql volatile security invoker set search_path = '' as $body$
  declare persona public.personas;
  begin
    voice := coalesce(wished_voice, default_voice);
    settings := '{}';
    is_shared := false;
    select p.* into persona from public.personas p
      where p.id = case when speaker ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then speaker::uuid end or p.slug = speaker and p.owner_id is null;
    if found then
      persona_id := persona.id;
      voice := coalesce(persona.voice_config #>> array['voices', vendor], default_voice);
      -- A person's companion has no voice that they could not name themselves; those of the house have theirs.
      if (persona.owner_id is not null or persona.frozen_at is not null) and cardinality(named_voices) > 0 and voice <> all (named_voices) then
        voice := default_voice;
      end if;
      settings := persona.voice_config - 'voices';
      is_shared := persona.is_public and exists (
        select from unnest(array_append(persona.alternate_greetings, persona.greeting)) g (line)
          where sha256(convert_to(btrim(g.line, E' \t\r\n'), 'UTF8')) = written);
    elsif speaker is not null and wished_voice is null then
      raise exception 'no such persona' using errcode = 'NF404';
    end if;
    cache_key := sha256(case when is_shared then public_line else own_line end
      || convert_to(jsonb_build_array(voice, settings)::text, 'UTF8'));
    return query
      select c.state, c.id, c.r2_key, c.audio_bytes, c.duration_ms, c.codec, open_speech.voice, open_speech.settings,
          open_speech.cache_key, open_speech.is_shared, open_speech.persona_id
        from app.claim_speech(open_speech.cache_key, open_speech.is_shared, lease_holder, lease_seconds, characters_id, bytes_id,
          characters, bytes, daily_characters, daily_bytes, broken_id, was_counted) c;
  end $body$;
  comment on function app.open_speech(text, text, text, text, bytea, bytea, bytea, uuid, integer, uuid, uuid, integer, integer, bigint, bigint, uuid, boolean, text[]) is
    'In whose voice a line is to be spoken, under which key, and what became of the claim to it; NF404 for a companion that is absent or hidden.';

  create function app.keep_speech_lease(line_key bytea, lease_holder uuid, lease_seconds integer) returns boolean
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    update public.speech_leases l set expires_at = now() + make_interval(secs => lease_seconds)
      where l.cache_key = line_key and l.holder = lease_holder and l.user_id = app.current_user_id()
        and l.expires_at > now() - interval '3 minutes';
    return found;
  end $body$;
  comment on function app.keep_speech_lease(bytea, uuid, integer) is 'Holds a lease for longer; whether it is still held.';

  create function app.drop_speech(line_key bytea, lease_holder uuid, characters_id uuid, bytes_id uuid, characters integer) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    -- Put aside as one that has ended: the sweep looks whether anything was left where its holder wrote.
    update public.speech_leases l set cache_key = sha256(convert_to(l.audio_key, 'UTF8')), expires_at = now()
      where l.cache_key = line_key and l.holder = lease_holder and l.user_id = app.current_user_id();
    perform app.settle_usage(characters_id, characters), app.settle_usage(bytes_id, 0);
  end $body$;
  comment on function app.drop_speech(bytea, uuid, uuid, uuid, integer) is
    'Gives a lease back for a line of which nothing is kept, and says what it took all the same.';

  create function app.store_speech(
    line_key bytea, line_is_shared boolean, persona_id uuid, lease_holder uuid, characters_id uuid, bytes_id uuid, characters integer,
    audio_id uuid, bytes integer, milliseconds integer, audio_codec text, spoken_by text, vendor text, most_bytes bigint
  ) returns text language plpgsql volatile security definer set search_path = '' as $body$
  declare me uuid := app.current_user_id(); audio_key text; before text;
  begin
    audio_key := case when line_is_shared then 'shared' else 'u/' || me end || '/v/' || audio_id;
    perform app.settle_usage(characters_id, characters), app.settle_usage(bytes_id, case when line_is_shared then 0 else bytes end);
    if exists (select from public.voice_data v where v.id = audio_id and v.user_id = me)
      or exists (select from public.shared_speech s where s.id = audio_id) then
      return null;
    end if;
    -- Another one has taken over, and stores the line: this audio is one too many.
    delete from public.speech_leases l where l.cache_key = line_key and l.holder = lease_holder and l.user_id = me
      and l.expires_at > now() - interval '3 minutes';
    if not found then
      return audio_key;
    end if;
    if line_is_shared then
      select s.r2_key into before from public.shared_speech s where s.cache_key = line_key for update;
      insert into public.shared_speech (id, cache_key, r2_key, audio_bytes, duration_ms, codec, voice, provider)
        values (audio_id, line_key, audio_key, bytes, milliseconds, audio_codec, spoken_by, vendor)
        on conflict (cache_key) do update set id = excluded.id, r2_key = excluded.r2_key, audio_bytes = excluded.audio_bytes,
          duration_ms = excluded.duration_ms, codec = excluded.codec, created_at = now(), used_at = now();
      begin
        update public.shared_speech s set persona_id = store_speech.persona_id where s.id = audio_id;
      exception when foreign_key_violation then
        -- Its companion went meanwhile: the sweep takes it.
        null;
      end;
    else
      select v.r2_key into before from public.voice_data v where v.user_id = me and v.cache_key = line_key for update;
      insert into public.voice_data (id, user_id, kind, cache_key, r2_key, audio_bytes, duration_ms, codec, voice, provider)
        values (audio_id, me, 'speech', line_key, audio_key, bytes, milliseconds, audio_codec, spoken_by, vendor)
        on conflict (user_id, cache_key) do update set id = excluded.id, r2_key = excluded.r2_key, audio_bytes = excluded.audio_bytes,
          duration_ms = excluded.duration_ms, codec = excluded.codec, created_at = now(), used_at = now(),
          expires_at = null;
      -- What was heard longest ago is let go of beyond what a person may hold.
      update public.voice_data v set expires_at = now() from (
        select o.id, sum(o.audio_bytes) over (order by o.used_at desc, o.id desc) as held
          from public.voice_data o where o.user_id = me and o.kind = 'speech' and o.expires_at is null) h
        where v.id = h.id and h.held > most_bytes and v.id <> audio_id;
    end if;
    if before is not null then
      insert into public.speech_leases (cache_key, user_id, holder, audio_key, expires_at)
        values (sha256(convert_to(before, 'UTF8')), me, audio_id, before, now()) on conflict (cache_key) do nothing;
    end if;
    return before;
  end $body$;
  comment on function app.store_speech(bytea, boolean, uuid, uuid, uuid, uuid, integer, uuid, integer, integer, text, text, text, bigint) is
    'Says what a line took and, for whoever holds its lease, where its audio lies; where the audio lay that it replaces, or, once another one has taken over, this one. A second time null.';

  create function app.dispensable_audio(idle_days integer, url_seconds integer, most integer)
    returns table (id uuid, user_id uuid, r2_key text, cache_key bytea)
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    update public.voice_data v set expires_at = now() where v.id in (
      select o.id from public.voice_data o
        where o.kind = 'speech' and o.expires_at is null and o.used_at < now() - make_interval(days => idle_days) limit most);
    return query
      (select v.id, v.user_id, v.r2_key, v.cache_key from public.voice_data v
        -- A line may have been handed out just before.
        where v.expires_at < now() - case when v.kind = 'speech' then make_interval(secs => url_seconds) else interval '0' end
        order by v.expires_at limit most)
      union all
      (select s.id, null, s.r2_key, s.cache_key from public.shared_speech s
        -- Another companion may say the same: what is heard is written down once a day.
        where s.persona_id is null and s.used_at < now() - interval '2 days' or s.used_at < now() - make_interval(days => idle_days)
        limit most);
  end $body$;
  comment on function app.dispensable_audio(integer, integer, integer) is
    'Recordings past their time, and lines that nobody has heard for so many days or that were let go of, once no URL of theirs is good any more.';

  create function app.forget_audio(audio_ids uuid[]) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare own integer; shared integer;
  begin
    delete from public.voice_data v where v.id = any (audio_ids) and v.expires_at < now();
    get diagnostics own = row_count;
    delete from public.shared_speech s where s.id = any (audio_ids);
    get diagnostics shared = row_count;
    return own + shared;
  end $body$;
  comment on function app.forget_audio(uuid[]) is 'Deletes the rows of audio whose bytes are gone; how many there were.';

  create function app.lost_speech(most integer) returns table (cache_key bytea, audio_key text)
    language sql stable security definer set search_path = '' as $body$
    select l.cache_key, case when not exists (select from public.voice_data v where v.r2_key = l.audio_key)
        and not exists (select from public.shared_speech s where s.r2_key = l.audio_key) then l.audio_key end
      from public.speech_leases l where l.expires_at < now() - interval '3 minutes' order by l.expires_at limit most
  $body$;
  comment on function app.lost_speech(integer) is
    'Leases of makers that died, and where they were writing to, unless a row knows of it.';

  drop function app.voice_objects(uuid, integer);
  create function app.voice_objects(after_id uuid, most integer) returns table (id uuid, r2_key text, is_pending boolean)
    language sql stable security definer set search_path = '' as $body$
    select a.id, a.r2_key, a.audio_bytes = 0 from (
      select v.id, v.r2_key, v.audio_bytes from public.voice_data v
      union all select s.id, s.r2_key, s.audio_bytes from public.shared_speech s
    ) a where after_id is null or a.id > after_id order by a.id limit most
  $body$;
  comment on function app.voice_objects(uuid, integer) is
    'Where the audio of each row lies, to be compared with what the bucket holds; of a recording that is being taken in, where it will.';

  drop function app.pending_erasures();
  create function app.pending_erasures() returns table (erasure_id uuid, user_id uuid, has_audio boolean)
    language sql volatile security definer set search_path = '' as $body$
    select e.id, e.user_id, e.due_at is not null or exists (select from public.voice_data v where v.user_id = e.user_id)
        or coalesce(cardinality(e.cache_keys), 0) > 0
    from public.erasures e where e.completed_at is null and coalesce(e.due_at <= now(), true) order by random() limit 20
  $body$;
  comment on function app.pending_erasures() is
    'Some erasures that have not ended and are due, in no order, so that none that fails for ever stands in the way of the others.';

  create or replace function app.erase_rows(erasure_id uuid) returns bytea[]
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    leaving uuid;
    too_new bytea[];
    is_being_made boolean;
  begin
    -- Whoever still writes for this person holds a lock on this row until their transaction ends.
    select u.id into leaving from public.users u join public.erasures e on e.user_id = u.id
      where e.id = erasure_id and not u.is_active for update of u;
    if leaving is not null then
      select array_agg(v.cache_key) into too_new from public.voice_data v
        where v.user_id = leaving and v.cache_key is not null and v.created_at > now() - interval '10 minutes';
      -- Whoever makes audio of theirs just now may still put it into the stores, and not live to take it out again.
      is_being_made := exists (select from public.speech_leases l where l.user_id = leaving and l.expires_at > now() - interval '3 minutes')
        or exists (select from public.voice_data v where v.user_id = leaving and v.audio_bytes = 0);
      update public.erasures e set cache_keys = too_new, due_at = case when is_being_made then now() + interval '6 minutes' end
        where e.user_id = leaving and e.completed_at is null;
      perform app.append_event(leaving, 'account.erased', 'erasure:' || erasure_id, '{}', null);
      delete from public.users u where u.id = leaving;
    end if;
    return (select e.cache_keys from public.erasures e where e.id = erasure_id);
  end $body$;

  create or replace function app.complete_erasure(erasure_id uuid) returns void
    language sql volatile security definer set search_path = '' as $body$
    update public.erasures e set completed_at = now(), user_id = null, cache_keys = null
    where e.id = erasure_id and e.completed_at is null and coalesce(e.due_at <= now(), true)
      and not exists (select from public.users u where u.id = e.user_id)
  $body$;
  comment on function app.complete_erasure(uuid) is
    'Ends an erasure that is due and whose rows and blobs are gone, and forgets whose it was.';

  revoke all on function
    app.claim_speech(bytea, boolean, uuid, integer, uuid, uuid, integer, integer, bigint, bigint, uuid, boolean),
    app.open_speech(text, text, text, text, bytea, bytea, bytea, uuid, integer, uuid, uuid, integer, integer, bigint, bigint, uuid, boolean, text[]),
    app.keep_speech_lease(bytea, uuid, integer), app.drop_speech(bytea, uuid, uuid, uuid, integer),
    app.store_speech(bytea, boolean, uuid, uuid, uuid, uuid, integer, uuid, integer, integer, text, text, text, bigint),
    app.dispensable_audio(integer, integer, integer), app.forget_audio(uuid[]), app.lost_speech(integer),
    app.voice_objects(uuid, integer), app.pending_erasures()
    from public;
  grant execute on function
    app.claim_speech(bytea, boolean, uuid, integer, uuid, uuid, integer, integer, bigint, bigint, uuid, boolean),
    app.open_speech(text, text, text, text, bytea, bytea, bytea, uuid, integer, uuid, uuid, integer, integer, bigint, bigint, uuid, boolean, text[]),
    app.keep_speech_lease(bytea, uuid, integer), app.drop_speech(bytea, uuid, uuid, uuid, integer),
    app.store_speech(bytea, boolean, uuid, uuid, uuid, uuid, integer, uuid, integer, integer, text, text, text, bigint)
    to neuraform_user;
  grant execute on function app.dispensable_audio(integer, integer, integer), app.forget_audio(uuid[]), app.lost_speech(integer),
    app.voice_objects(uuid, integer), app.pending_erasures() to neuraform_jobs;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
