-- What is set aside twice at once is there once: the entry comes first, so that whoever comes second waits for it and adds nothing.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create or replace function app.reserve_usage(entry_id uuid, entry_kind text, amount integer, daily_limit bigint) returns void
    language plpgsql volatile security definer set search_path = '' as $body$
  declare today date := (now() at time zone 'utc')::date;
  begin
    insert into public.usage_ledger (id, user_id, day, kind, reserved)
      values (entry_id, app.current_user_id(), today, entry_kind, amount) on conflict do nothing;
    if not found then
      return;
    end if;
    -- Whoever reserves at once waits here for the row, and then sees what the others have taken.
    insert into public.usage_days as d (user_id, day, kind, reserved)
      select app.current_user_id(), today, entry_kind, amount where amount <= daily_limit
      on conflict (user_id, day, kind) do update set reserved = d.reserved + excluded.reserved
        where d.spent + d.reserved + excluded.reserved <= daily_limit;
    if not found then
      raise exception 'the day''s budget is spent' using errcode = 'NF429', detail = 'quota_exceeded';
    end if;
  end $body$;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
