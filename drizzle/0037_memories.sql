-- What companions remember, and which of a person's words each memory was drawn from: never any of a temporary conversation.
CREATE TABLE "memories" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"persona_id" uuid,
	"content" "bytea" NOT NULL,
	"origin" text DEFAULT 'person' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"edited_at" timestamp (3) with time zone,
	CONSTRAINT "memories_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "memories_origin_check" CHECK (origin in ('person', 'companion'))
);
--> statement-breakpoint
ALTER TABLE "memories" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "memory_sources" (
	"memory_id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"conversation_id" uuid NOT NULL,
	"is_temporary" boolean DEFAULT false NOT NULL,
	CONSTRAINT "memory_sources_pkey" PRIMARY KEY("user_id","memory_id","message_id"),
	CONSTRAINT "memory_sources_is_temporary_check" CHECK (not is_temporary)
);
--> statement-breakpoint
ALTER TABLE "memory_sources" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "is_remembered" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "is_memory_shared" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "memories_forgotten_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "memory_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
-- What was said before anybody could say whether it is to be remembered is not.
ALTER TABLE "messages" ADD COLUMN "is_recallable" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "messages" ALTER COLUMN "is_recallable" SET DEFAULT true;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "is_drawn" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "turns" ADD COLUMN "memory_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_id_user_id_is_temporary_key" UNIQUE("id","user_id","is_temporary");--> statement-breakpoint
ALTER TABLE "memories" ADD CONSTRAINT "memories_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memories" ADD CONSTRAINT "memories_persona_id_fkey" FOREIGN KEY ("persona_id") REFERENCES "public"."personas"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memory_sources" ADD CONSTRAINT "memory_sources_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memory_sources" ADD CONSTRAINT "memory_sources_memory_id_user_id_fkey" FOREIGN KEY ("memory_id","user_id") REFERENCES "public"."memories"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memory_sources" ADD CONSTRAINT "memory_sources_message_id_conversation_id_fkey" FOREIGN KEY ("message_id","conversation_id") REFERENCES "public"."messages"("id","conversation_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memory_sources" ADD CONSTRAINT "memory_sources_conversation_id_user_id_is_temporary_fkey" FOREIGN KEY ("conversation_id","user_id","is_temporary") REFERENCES "public"."conversations"("id","user_id","is_temporary") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "memories_user_id_id_idx" ON "memories" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "memories_persona_id_idx" ON "memories" USING btree ("persona_id");--> statement-breakpoint
CREATE INDEX "memory_sources_memory_id_user_id_idx" ON "memory_sources" USING btree ("memory_id","user_id");--> statement-breakpoint
CREATE INDEX "memory_sources_message_id_conversation_id_idx" ON "memory_sources" USING btree ("message_id","conversation_id");--> statement-breakpoint
CREATE INDEX "memory_sources_conversation_id_user_id_is_temporary_idx" ON "memory_sources" USING btree ("conversation_id","user_id","is_temporary");--> statement-breakpoint
CREATE POLICY "memories_user_select" ON "memories" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "memories_user_update" ON "memories" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "memories_user_insert" ON "memories" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()) and (persona_id is null or exists (select 1 from public.personas p where p.id = persona_id)));--> statement-breakpoint
CREATE POLICY "memories_gate_select" ON "memories" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "memories_gate_insert" ON "memories" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "memories_gate_update" ON "memories" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "memories_gate_delete" ON "memories" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "memory_sources_user_select" ON "memory_sources" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "memory_sources_gate_select" ON "memory_sources" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "memory_sources_gate_insert" ON "memory_sources" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "memory_sources_gate_delete" ON "memory_sources" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
alter table public.memories force row level security;
--> statement-breakpoint
alter table public.memory_sources force row level security;
--> statement-breakpoint
grant select, insert (id, persona_id, content), update (persona_id, content, edited_at) on public.memories to neuraform_user;
--> statement-breakpoint
grant select on public.memory_sources to neuraform_user;
--> statement-breakpoint
grant select (is_remembered, is_memory_shared), update (is_remembered, is_memory_shared) on public.users to neuraform_user;
--> statement-breakpoint
grant select, insert, delete on public.memories to neuraform_gate;
--> statement-breakpoint
grant update (persona_id, content) on public.memories to neuraform_gate;
--> statement-breakpoint
grant select, insert, delete on public.memory_sources to neuraform_gate;
--> statement-breakpoint
grant update (memory_ids) on public.turns to neuraform_user;
--> statement-breakpoint
grant update (memory_ids, is_recallable, is_drawn) on public.messages to neuraform_gate;
--> statement-breakpoint
comment on table public.memories is 'What companions remember about a person: one of them, or all where there is no persona.';
--> statement-breakpoint
comment on table public.memory_sources is 'Which words of the person''s a memory was drawn from; it goes with the first of them that goes.';
