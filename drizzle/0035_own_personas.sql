-- Companions of one's own, copies of what others still talk with, and what a person made of a companion.
-- In a policy, `conversations` itself would ask for itself: its own policy reads `personas`.
create function app.personas_talked_with() returns uuid[]
  language plpgsql stable security invoker set search_path = '' as $$
begin
  return (select array_agg(distinct c.persona_id) from public.conversations c where c.user_id = app.current_user_id());
end $$;
--> statement-breakpoint
comment on function app.personas_talked_with() is 'The companions of the conversations of this transaction''s person.';
--> statement-breakpoint
revoke all on function app.personas_talked_with() from public;
--> statement-breakpoint
grant execute on function app.personas_talked_with() to neuraform_user;
--> statement-breakpoint
CREATE TABLE "user_persona_preferences" (
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"persona_id" uuid NOT NULL,
	"is_favorite" boolean DEFAULT false NOT NULL,
	"is_active" boolean DEFAULT false NOT NULL,
	"custom_settings" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"interaction_count" integer DEFAULT 0 NOT NULL,
	"last_interaction_at" timestamp (3) with time zone,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_persona_preferences_pkey" PRIMARY KEY("user_id","persona_id"),
	CONSTRAINT "user_persona_preferences_interaction_count_check" CHECK (interaction_count >= 0)
);
--> statement-breakpoint
ALTER TABLE "user_persona_preferences" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "personas" ALTER COLUMN "owner_id" SET DEFAULT app.current_user_id();--> statement-breakpoint
ALTER TABLE "personas" ADD COLUMN "is_forkable" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "personas" ADD COLUMN "frozen_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "personas" ADD COLUMN "use_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "user_persona_preferences" ADD CONSTRAINT "user_persona_preferences_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_persona_preferences" ADD CONSTRAINT "user_persona_preferences_persona_id_fkey" FOREIGN KEY ("persona_id") REFERENCES "public"."personas"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "user_persona_preferences_user_id_key" ON "user_persona_preferences" USING btree ("user_id") WHERE is_active;--> statement-breakpoint
CREATE INDEX "user_persona_preferences_persona_id_idx" ON "user_persona_preferences" USING btree ("persona_id");--> statement-breakpoint
CREATE INDEX "personas_public_use_count_id_idx" ON "personas" USING btree ("use_count" DESC NULLS LAST,"id" DESC NULLS LAST) WHERE is_public;--> statement-breakpoint
CREATE INDEX "personas_frozen_at_idx" ON "personas" USING btree ("frozen_at") WHERE frozen_at is not null;--> statement-breakpoint
ALTER TABLE "personas" ADD CONSTRAINT "personas_frozen_check" CHECK (frozen_at is null or (owner_id is null and not is_active and not is_public));--> statement-breakpoint
CREATE POLICY "personas_user_insert" ON "personas" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (owner_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "personas_user_update" ON "personas" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (owner_id = (select app.current_user_id())) WITH CHECK (owner_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "personas_user_delete" ON "personas" AS PERMISSIVE FOR DELETE TO "neuraform_user" USING (owner_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "personas_gate_select" ON "personas" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "personas_gate_insert" ON "personas" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "personas_gate_update" ON "personas" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "personas_gate_delete" ON "personas" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "user_persona_preferences_user_select" ON "user_persona_preferences" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "user_persona_preferences_user_update" ON "user_persona_preferences" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "user_persona_preferences_user_insert" ON "user_persona_preferences" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()) and exists (select 1 from public.personas p where p.id = persona_id));--> statement-breakpoint
CREATE POLICY "user_persona_preferences_gate_select" ON "user_persona_preferences" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "user_persona_preferences_gate_insert" ON "user_persona_preferences" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_persona_preferences_gate_update" ON "user_persona_preferences" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
ALTER POLICY "conversations_user_insert" ON "conversations" TO neuraform_user WITH CHECK (user_id = (select app.current_user_id()) and (persona_id is null or exists (select 1 from public.personas p where p.id = persona_id and p.is_active)));--> statement-breakpoint
ALTER POLICY "personas_user_select" ON "personas" TO neuraform_user USING ((is_active and (owner_id = (select app.current_user_id()) or (is_public and rating = any ((select app.admitted_ratings())::text[])))) or (frozen_at is not null and rating = any ((select app.admitted_ratings())::text[]) and id = any ((select app.personas_talked_with())::uuid[])));--> statement-breakpoint
ALTER POLICY "personas_jobs_select" ON "personas" TO neuraform_jobs USING (owner_id is null and frozen_at is null);--> statement-breakpoint
ALTER POLICY "personas_jobs_insert" ON "personas" TO neuraform_jobs WITH CHECK (owner_id is null and frozen_at is null);--> statement-breakpoint
ALTER POLICY "personas_jobs_update" ON "personas" TO neuraform_jobs USING (owner_id is null and frozen_at is null) WITH CHECK (owner_id is null and frozen_at is null);--> statement-breakpoint
alter table public.user_persona_preferences force row level security;
--> statement-breakpoint
grant insert (id, display_name, description, system_prompt, greeting, alternate_greetings, example_dialogue, lorebook, personality_config,
  voice_config, avatar_url, vrm_model_path, expressions, tags, rating, is_public, is_forkable, card) on public.personas to neuraform_user;
--> statement-breakpoint
grant update (display_name, description, system_prompt, greeting, alternate_greetings, example_dialogue, lorebook, personality_config,
  voice_config, avatar_url, vrm_model_path, expressions, tags, rating, is_public, is_forkable, updated_at), delete on public.personas
  to neuraform_user;
--> statement-breakpoint
grant select, insert, delete on public.personas to neuraform_gate;
--> statement-breakpoint
grant update (use_count) on public.personas to neuraform_gate;
--> statement-breakpoint
grant select, insert (persona_id, is_favorite, is_active, custom_settings),
  update (is_favorite, is_active, custom_settings, updated_at) on public.user_persona_preferences to neuraform_user;
--> statement-breakpoint
grant select, insert on public.user_persona_preferences to neuraform_gate;
--> statement-breakpoint
grant update (interaction_count, last_interaction_at) on public.user_persona_preferences to neuraform_gate;
--> statement-breakpoint
comment on table public.user_persona_preferences is 'What a person made of a companion: a favourite, the active one, settings, and how often they talked.';
