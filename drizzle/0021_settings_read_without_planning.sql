-- What every flight asks, at less cost: a function in SQL that is not inlined is planned each time that it is called, one in
-- PL/pgSQL once for a connection.
create or replace function app.current_user_id() returns uuid
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return nullif(current_setting('app.user_id', true), '')::uuid;
end $$;
--> statement-breakpoint
create or replace function app.current_session_id() returns uuid
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return nullif(current_setting('app.session_id', true), '')::uuid;
end $$;
--> statement-breakpoint
create or replace function app.current_turn_id() returns uuid
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return nullif(current_setting('app.turn_id', true), '')::uuid;
end $$;
--> statement-breakpoint
create or replace function app.admitted_ratings() returns text[]
  language plpgsql stable parallel safe set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.admitted_ratings', true), ''), '{everyone}')::text[];
end $$;
