-- A data key goes only when no cell needs it, whoever is writing: a writer holds the key that it seals under. What is broken is
-- recorded once for each state in which it is found, and a search asks under every key that the person has.
create function app.require_data_key() returns trigger
  language plpgsql volatile security definer set search_path = '' as $$
declare
  owner uuid;
  cells bytea[];
  cell bytea;
begin
  -- What stays as it was is not written, so that a broken cell keeps none of its neighbours from being changed.
  case tg_table_name
    when 'users' then
      owner := new.id;
      cells := array[nullif(new.first_name, old.first_name), nullif(new.last_name, old.last_name), nullif(new.email, old.email),
        nullif(new.birthdate, old.birthdate)];
    when 'identities' then
      owner := new.user_id;
      cells := array[nullif(new.email, old.email), nullif(new.refresh_token, old.refresh_token)];
    when 'user_sessions' then
      owner := new.user_id;
      cells := array[nullif(new.device_info, old.device_info), nullif(new.ip_prefix, old.ip_prefix),
        nullif(new.user_agent, old.user_agent)];
    when 'conversations' then
      owner := new.user_id;
      cells := array[nullif(new.title, old.title), nullif(new.summary, old.summary)];
    when 'turns' then
      owner := new.user_id;
      cells := array[nullif(new.checkpoint, old.checkpoint)];
    when 'messages' then
      owner := new.user_id;
      cells := array[nullif(new.content, old.content)];
  end case;
  foreach cell in array cells loop
    if length(cell) >= 3 then
      -- Whoever retires this key waits until the writer has committed, and looks at what was written.
      perform from public.user_keys k
        where k.user_id = owner and k.version = get_byte(cell, 1) * 256 + get_byte(cell, 2) for key share;
      if not found then
        raise exception 'a cell is sealed under a data key that is not there' using errcode = 'NF423';
      end if;
    end if;
  end loop;
  return new;
end $$;
--> statement-breakpoint
comment on function app.require_data_key() is
  'Refuses a sealed cell whose data key its person does not have (NF423), and keeps that key from being retired until the cell is committed.';
--> statement-breakpoint
-- A person is made before their first key.
create trigger users_data_key before update of first_name, last_name, email, birthdate on public.users
  for each row execute function app.require_data_key();
--> statement-breakpoint
create trigger identities_data_key before insert or update of email, refresh_token on public.identities
  for each row execute function app.require_data_key();
--> statement-breakpoint
create trigger user_sessions_data_key before insert or update of device_info, ip_prefix, user_agent on public.user_sessions
  for each row execute function app.require_data_key();
--> statement-breakpoint
create trigger conversations_data_key before insert or update of title, summary on public.conversations
  for each row execute function app.require_data_key();
--> statement-breakpoint
create trigger turns_data_key before insert or update of checkpoint on public.turns
  for each row execute function app.require_data_key();
--> statement-breakpoint
create trigger messages_data_key before insert or update of content on public.messages
  for each row execute function app.require_data_key();
--> statement-breakpoint
do $$
declare grants record;
begin
  grant create on schema app to neuraform_gate;
  revoke all on function app.require_data_key() from public;
  alter function app.require_data_key() owner to neuraform_gate;
  set local role neuraform_gate;

  create function app.record_service_breakages(person uuid, breakages jsonb, event_request_id uuid) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare chain uuid := app.chain_of(person);
  begin
    -- Writers to a chain wait for each other here, so that the next statement sees all that was written.
    perform from public.audit_chains c where c.chain_id = chain for update;
    insert into public.audit_log (chain_id, action, target, details, request_id)
      select distinct chain, b.action, b.target, b.details, event_request_id
      from jsonb_to_recordset(breakages) b (action text, target text, details jsonb)
      where (
        -- One look into the index for each; joined, all that was ever written once would be read.
        select l.seq from public.audit_log l
        where l.chain_id = chain and l.target = b.target and l.details = b.details and l.action = b.action
          and l.action in ('seal.broken', 'data_key.broken', 'data_key.kept') limit 1
      ) is null;
  end $body$;
  comment on function app.record_service_breakages(uuid, jsonb, uuid) is
    'Writes to a person''s chain what cannot be opened or had to stay, each with action, target and details: one that is there alike is not written again.';

  create function app.record_breakages(breakages jsonb, event_request_id uuid) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if app.current_user_id() is null then
      raise exception 'nobody is acting' using errcode = 'NF401';
    end if;
    perform app.record_service_breakages(app.current_user_id(), breakages, event_request_id);
  end $body$;
  comment on function app.record_breakages(jsonb, uuid) is
    'Writes to the chain of the person of this transaction what of theirs cannot be opened; one entry for each state in which it is found.';

  create or replace function app.record_broken_seals(targets text[], event_request_id uuid) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    perform app.record_breakages(
      (select jsonb_agg(jsonb_build_object('action', 'seal.broken', 'target', broken, 'details', '{}'::jsonb)) from unnest(targets) broken),
      event_request_id);
  end $body$;
  comment on function app.record_broken_seals(text[], uuid) is
    'As record_breakages, for the Worker before it: cells by their names alone.';

  create function app.find_messages(wanted text[], in_conversation_id uuid, before_id uuid, most integer)
    returns table (message_id uuid)
    language sql stable security definer set search_path = '' as $body$
    with hits as materialized (
      select m.id, m.user_id, m.conversation_id
      from unnest(wanted) w (words) join public.messages m on m.words @> w.words::bigint[] where w.words <> '{}'
    )
    select h.id from hits h
    where h.user_id = app.current_user_id()
      and (in_conversation_id is null or h.conversation_id = in_conversation_id) and (before_id is null or h.id < before_id)
    order by h.id desc limit most
  $body$;
  comment on function app.find_messages(text[], uuid, uuid, integer) is
    'The caller''s messages that hold all of the words, newest first: one array of hashes, written as text, for each data key of theirs.';
  comment on function app.search_messages(bigint[], bigint[], uuid, uuid, integer) is 'As find_messages, for the Worker before it: under two keys.';

  create or replace function app.stale_cells(person uuid, newest integer, after_place integer, after_id uuid, most integer)
    returns table (place integer, table_name text, column_name text, row_id uuid, sealed bytea)
    language plpgsql stable security definer set search_path = '' as $body$
  declare
    source record;
    missing integer := most;
    added integer;
  begin
    for source in select * from app.sealed_columns() c where c.place >= after_place order by c.place loop
      -- One comparison of rows is a place in an index that begins with the owner. Were the owner only equal to the person, all
      -- rows of everybody would sooner be walked in the order of their ids.
      return query execute format(
        'select $1, %1$L::text, %2$L::text, t.id, t.%2$I from public.%1$I t
         where (t.%3$I, t.id) > ($2, $4) and t.%3$I <= $2
           and case when length(t.%2$I) >= 3 then get_byte(t.%2$I, 1) * 256 + get_byte(t.%2$I, 2) < $3 else false end
         order by t.%3$I, t.id limit $5',
        source.table_name, source.column_name, source.owner_column)
        using source.place, person, newest,
          case when source.place = after_place then coalesce(after_id, '00000000-0000-0000-0000-000000000000')
            else '00000000-0000-0000-0000-000000000000' end, missing;
      get diagnostics added = row_count;
      missing := missing - added;
      exit when missing <= 0;
    end loop;
  end $body$;

  create or replace function app.retire_data_keys(person uuid, newest integer) returns boolean
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    -- In the order of an erasure: the person, their keys, their chain.
    perform from public.users u where u.id = person for key share;
    -- Whoever seals under one of these holds it until their transaction ends; the next statement sees what they wrote.
    perform from public.user_keys k where k.user_id = person and k.version < newest for update;
    if not exists (select from public.user_keys k where k.user_id = person and k.version = newest)
        or exists (select from app.stale_cells(person, newest, 1, null, 1)) then
      return false;
    end if;
    delete from public.user_keys k where k.user_id = person and k.version < newest;
    return true;
  end $body$;
  comment on function app.retire_data_keys(uuid, integer) is
    'Forgets the data keys that seal nothing any more; false where a cell still needs one, or the newest is not there.';

  create function app.end_rotation(person uuid, newest integer, event_request_id uuid) returns boolean
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    had_older boolean;
    is_retired boolean;
  begin
    perform from public.users u where u.id = person for key share;
    perform from public.user_keys k where k.user_id = person and k.version < newest for update;
    had_older := found;
    is_retired := app.retire_data_keys(person, newest);
    if not is_retired then
      perform app.record_service_breakages(person,
        jsonb_build_array(jsonb_build_object('action', 'data_key.kept', 'target', 'data_key:' || newest, 'details', '{}'::jsonb)),
        event_request_id);
    elsif had_older then
      perform app.record_service_event(person, 'data_key.rotated', 'data_key:' || newest, '{}', event_request_id);
    end if;
    return is_retired;
  end $body$;
  comment on function app.end_rotation(uuid, integer, uuid) is
    'As retire_data_keys, and says so in the person''s chain: data_key.rotated where older keys went, once data_key.kept where they had to stay.';

  for grants in select * from (values
    ('app.record_service_breakages(uuid, jsonb, uuid)', 'neuraform_auth, neuraform_jobs'),
    ('app.record_breakages(jsonb, uuid)', 'neuraform_user'),
    ('app.find_messages(text[], uuid, uuid, integer)', 'neuraform_user'),
    ('app.end_rotation(uuid, integer, uuid)', 'neuraform_jobs')
  ) as g (signature, grantees) loop
    execute format('revoke all on function %s from public', grants.signature);
    execute format('grant execute on function %s to %s', grants.signature, grants.grantees);
  end loop;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
