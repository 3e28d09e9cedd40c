-- Rotation of keys: a data key is wrapped under another key-encryption key, and a person's cells are sealed under another
-- data key. Nothing here opens a cell: the service hands in what it sealed anew, and a cell that changed meanwhile is left.
grant update, delete on public.user_keys to neuraform_gate;
--> statement-breakpoint
grant select (content), update (content, words) on public.messages to neuraform_gate;
--> statement-breakpoint
do $$
declare signature text;
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create function app.sealed_columns() returns table (place integer, table_name text, column_name text, owner_column text)
    language sql immutable set search_path = '' as $body$
    values (1, 'users', 'first_name', 'id'), (2, 'users', 'last_name', 'id'), (3, 'users', 'email', 'id'), (4, 'users', 'birthdate', 'id'),
      (5, 'identities', 'email', 'user_id'), (6, 'identities', 'refresh_token', 'user_id'),
      (7, 'user_sessions', 'device_info', 'user_id'), (8, 'user_sessions', 'ip_prefix', 'user_id'),
      (9, 'user_sessions', 'user_agent', 'user_id'), (10, 'conversations', 'title', 'user_id'),
      (11, 'conversations', 'summary', 'user_id'), (12, 'turns', 'checkpoint', 'user_id'), (13, 'messages', 'content', 'user_id')
  $body$;
  comment on function app.sealed_columns() is 'Every column that holds what a data key sealed, in the order in which a rotation goes through them.';

  create function app.data_keys_of(person uuid) returns jsonb
    language sql stable security definer set search_path = '' as $body$
    select jsonb_agg(jsonb_build_object(
        'version', k.version, 'key_encryption_key_id', k.key_encryption_key_id, 'wrapped_key', encode(k.wrapped_key, 'hex')
      ) order by k.version)
    from public.user_keys k join public.users u on u.id = k.user_id and u.is_active where k.user_id = person
  $body$;
  comment on function app.data_keys_of(uuid) is 'The wrapped data keys of a person; null for nobody, and for somebody who is leaving.';

  create function app.add_data_key(person uuid, new_version integer, new_key_encryption_key_id text, new_wrapped_key bytea) returns void
    language sql volatile security definer set search_path = '' as $body$
    insert into public.user_keys (user_id, version, key_encryption_key_id, wrapped_key)
      values (person, new_version, new_key_encryption_key_id, new_wrapped_key) on conflict do nothing
  $body$;
  comment on function app.add_data_key(uuid, integer, text, bytea) is 'Gives a person a further data key, which seals from now on; a version that is there stays as it is.';

  create function app.stale_cells(person uuid, newest integer, after_place integer, after_id uuid, most integer)
    returns table (place integer, table_name text, column_name text, row_id uuid, sealed bytea)
    language plpgsql stable security definer set search_path = '' as $body$
  declare
    source record;
    missing integer := most;
    added integer;
  begin
    for source in select * from app.sealed_columns() c where c.place >= after_place order by c.place loop
      return query execute format(
        'select $1, %L::text, %L::text, t.id, t.%I from public.%I t
         where t.%I = $2 and length(t.%3$I) >= 3 and get_byte(t.%3$I, 1) * 256 + get_byte(t.%3$I, 2) < $3
           and ($1 > $4 or $5 is null or t.id > $5) order by t.id limit $6',
        source.table_name, source.column_name, source.column_name, source.table_name, source.owner_column)
        using source.place, person, newest, after_place, after_id, missing;
      get diagnostics added = row_count;
      missing := missing - added;
      exit when missing <= 0;
    end loop;
  end $body$;
  comment on function app.stale_cells(uuid, integer, integer, uuid, integer) is
    'Cells of a person that are sealed under an older data key, after a place and row in the order of a rotation.';

  create function app.reseal_cells(person uuid, cells jsonb) returns integer
    language plpgsql volatile security definer set search_path = '' as $body$
  declare
    cell record;
    resealed integer := 0;
    changed integer;
  begin
    for cell in
      select c.*, s.owner_column from jsonb_to_recordset(cells)
        c (table_name text, column_name text, row_id uuid, sealed text, resealed text, words bigint[])
      join app.sealed_columns() s on s.table_name = c.table_name and s.column_name = c.column_name
    loop
      execute format('update public.%I set %I = $1 %s where id = $2 and %I = $3 and %2$I = $4', cell.table_name, cell.column_name,
          case when cell.words is null then '' else ', words = $5' end, cell.owner_column)
        using decode(cell.resealed, 'hex'), cell.row_id, person, decode(cell.sealed, 'hex'), cell.words;
      get diagnostics changed = row_count;
      resealed := resealed + changed;
    end loop;
    return resealed;
  end $body$;
  comment on function app.reseal_cells(uuid, jsonb) is
    'Puts cells that were sealed anew in the place of what they were made from; one that changed meanwhile stays. Returns how many.';

  create function app.retire_data_keys(person uuid, newest integer) returns boolean
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if exists (select from app.stale_cells(person, newest, 1, null, 1)) then
      return false;
    end if;
    delete from public.user_keys k where k.user_id = person and k.version < newest;
    return true;
  end $body$;
  comment on function app.retire_data_keys(uuid, integer) is 'Forgets the data keys that seal nothing any more; false where a cell still needs one.';

  create function app.keys_to_rewrap(current_id text, most integer)
    returns table (user_id uuid, version integer, key_encryption_key_id text, wrapped_key bytea)
    language sql stable security definer set search_path = '' as $body$
    -- Two ranges, so that the index tells at once when there is none.
    select k.user_id, k.version, k.key_encryption_key_id, k.wrapped_key from public.user_keys k
    where k.key_encryption_key_id < current_id or k.key_encryption_key_id > current_id limit most
  $body$;
  comment on function app.keys_to_rewrap(text, integer) is 'Data keys that are wrapped under another key-encryption key than the current one.';

  create function app.rewrap_keys(new_id text, keys jsonb) returns integer
    language sql volatile security definer set search_path = '' as $body$
    with rewrapped as (
      update public.user_keys k set key_encryption_key_id = new_id, wrapped_key = decode(n.rewrapped, 'hex')
      from jsonb_to_recordset(keys) n (user_id uuid, version integer, wrapped text, rewrapped text)
      where k.user_id = n.user_id and k.version = n.version and k.wrapped_key = decode(n.wrapped, 'hex')
      returning 1
    ) select count(*)::integer from rewrapped
  $body$;
  comment on function app.rewrap_keys(text, jsonb) is 'Puts data keys that were wrapped anew in the place of what they were made from. Returns how many.';

  revoke all on function app.sealed_columns() from public;
  foreach signature in array array[
    'app.data_keys_of(uuid)',
    'app.add_data_key(uuid, integer, text, bytea)',
    'app.stale_cells(uuid, integer, integer, uuid, integer)',
    'app.reseal_cells(uuid, jsonb)',
    'app.retire_data_keys(uuid, integer)',
    'app.keys_to_rewrap(text, integer)',
    'app.rewrap_keys(text, jsonb)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to neuraform_jobs', signature);
  end loop;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
