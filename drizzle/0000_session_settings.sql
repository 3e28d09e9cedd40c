-- What the doors set for one transaction, and what policies and defaults read from it.
create function app.current_user_id() returns uuid
  language sql stable parallel safe set search_path = ''
  as $$ select nullif(current_setting('app.user_id', true), '')::uuid $$;
--> statement-breakpoint
comment on function app.current_user_id() is 'The person of this transaction; null outside a door.';
--> statement-breakpoint
create function app.current_session_id() returns uuid
  language sql stable parallel safe set search_path = ''
  as $$ select nullif(current_setting('app.session_id', true), '')::uuid $$;
--> statement-breakpoint
comment on function app.current_session_id() is 'The session of this transaction; null outside a session.';
--> statement-breakpoint
create function app.current_turn_id() returns uuid
  language sql stable parallel safe set search_path = ''
  as $$ select nullif(current_setting('app.turn_id', true), '')::uuid $$;
--> statement-breakpoint
comment on function app.current_turn_id() is 'The turn whose key was presented in this transaction.';
--> statement-breakpoint
create function app.admitted_ratings() returns text[]
  language sql stable parallel safe set search_path = ''
  as $$ select coalesce(nullif(current_setting('app.admitted_ratings', true), ''), '{everyone}')::text[] $$;
--> statement-breakpoint
comment on function app.admitted_ratings() is 'The persona ratings that the person of this transaction is old enough for.';
--> statement-breakpoint
create function app.assert_safe_login() returns void
  language plpgsql stable set search_path = '' as $$
begin
  if exists (select from pg_catalog.pg_roles r where r.rolname = session_user and (r.rolsuper or r.rolbypassrls))
     or pg_catalog.pg_has_role(session_user, 'neuraform_owner', 'member')
     or pg_catalog.pg_has_role(session_user, 'neuraform_gate', 'member')
     or exists (
       select from pg_catalog.pg_class c
       where c.relowner = (select r.oid from pg_catalog.pg_roles r where r.rolname = session_user)
         and c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
     )
  then
    raise exception 'the login role is not bound by row-level security' using errcode = 'NF503';
  end if;
end $$;
--> statement-breakpoint
comment on function app.assert_safe_login() is 'Raises NF503 when the login is a superuser, bypasses RLS, or owns what RLS should guard.';
--> statement-breakpoint
grant usage on schema app to neuraform_gate, neuraform_user, neuraform_visitor, neuraform_auth, neuraform_jobs, neuraform_analyst;
--> statement-breakpoint
revoke all on all functions in schema app from public;
--> statement-breakpoint
grant execute on function app.current_user_id(), app.current_session_id(), app.current_turn_id(), app.admitted_ratings()
  to neuraform_gate, neuraform_user, neuraform_visitor, neuraform_auth, neuraform_jobs;
--> statement-breakpoint
grant execute on function app.assert_safe_login()
  to neuraform_user, neuraform_visitor, neuraform_auth, neuraform_jobs, neuraform_analyst;
