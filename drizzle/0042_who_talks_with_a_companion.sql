-- Whether somebody talks with a companion is one place in an index: no list of all with whom they do has to be made.
create function app.talks_with(persona uuid) returns boolean
  language plpgsql stable security invoker set search_path = '' as $$
begin
  return exists (
    select from public.conversations c where c.user_id = app.current_user_id() and c.persona_id = talks_with.persona);
end $$;
--> statement-breakpoint
comment on function app.talks_with(uuid) is 'Whether this transaction''s person has a conversation with this companion.';
--> statement-breakpoint
revoke all on function app.talks_with(uuid) from public;
--> statement-breakpoint
grant execute on function app.talks_with(uuid) to neuraform_user;
--> statement-breakpoint
ALTER POLICY "personas_user_select" ON "personas" TO neuraform_user USING ((is_active and (owner_id = (select app.current_user_id()) or (is_public and rating = any ((select app.admitted_ratings())::text[])))) or (frozen_at is not null and rating = any ((select app.admitted_ratings())::text[]) and app.talks_with(id)));--> statement-breakpoint
drop function app.personas_talked_with();
