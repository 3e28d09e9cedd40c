-- Which of the versions of what was said counts, which conversations are gone, and what upstream calls cost.
CREATE TABLE "conversation_deletions" (
	"gone_id" uuid NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"deleted_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "conversation_deletions_pkey" PRIMARY KEY("user_id","gone_id","deleted_at")
);
--> statement-breakpoint
ALTER TABLE "conversation_deletions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage_days" (
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"day" date NOT NULL,
	"kind" text NOT NULL,
	"reserved" bigint DEFAULT 0 NOT NULL,
	"spent" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "usage_days_pkey" PRIMARY KEY("user_id","day","kind"),
	CONSTRAINT "usage_days_kind_check" CHECK (kind in ('llm_tokens', 'speech_characters', 'stored_bytes')),
	CONSTRAINT "usage_days_amounts_check" CHECK (reserved >= 0 and spent >= 0)
);
--> statement-breakpoint
ALTER TABLE "usage_days" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "usage_ledger" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"day" date NOT NULL,
	"kind" text NOT NULL,
	"reserved" integer NOT NULL,
	"spent" integer,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp (3) with time zone,
	CONSTRAINT "usage_ledger_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "usage_ledger_kind_check" CHECK (kind in ('llm_tokens', 'speech_characters', 'stored_bytes')),
	CONSTRAINT "usage_ledger_amounts_check" CHECK (reserved > 0 and spent >= 0),
	CONSTRAINT "usage_ledger_settled_at_check" CHECK ((spent is null) = (settled_at is null))
);
--> statement-breakpoint
ALTER TABLE "usage_ledger" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "leaf_message_id" uuid;--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "summary_seq" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "turns" ADD COLUMN "usage_id" uuid;--> statement-breakpoint
ALTER TABLE "conversation_deletions" ADD CONSTRAINT "conversation_deletions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_days" ADD CONSTRAINT "usage_days_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_ledger" ADD CONSTRAINT "usage_ledger_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "conversation_deletions_user_id_deleted_at_idx" ON "conversation_deletions" USING btree ("user_id","deleted_at");--> statement-breakpoint
CREATE INDEX "conversation_deletions_deleted_at_idx" ON "conversation_deletions" USING btree ("deleted_at");--> statement-breakpoint
CREATE INDEX "usage_ledger_user_id_created_at_idx" ON "usage_ledger" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "usage_ledger_created_at_idx" ON "usage_ledger" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "usage_ledger_unsettled_created_at_idx" ON "usage_ledger" USING btree ("created_at") WHERE spent is null;--> statement-breakpoint
CREATE INDEX "turns_usage_id_user_id_idx" ON "turns" USING btree ("usage_id","user_id");--> statement-breakpoint
CREATE POLICY "conversation_deletions_user_select" ON "conversation_deletions" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "conversation_deletions_gate_insert" ON "conversation_deletions" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "conversation_deletions_jobs_select" ON "conversation_deletions" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (deleted_at < now() - interval '90 days');--> statement-breakpoint
CREATE POLICY "conversation_deletions_jobs_delete" ON "conversation_deletions" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (deleted_at < now() - interval '90 days');--> statement-breakpoint
CREATE POLICY "usage_days_user_select" ON "usage_days" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "usage_days_gate_select" ON "usage_days" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "usage_days_gate_insert" ON "usage_days" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "usage_days_gate_update" ON "usage_days" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "usage_ledger_user_select" ON "usage_ledger" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "usage_ledger_gate_select" ON "usage_ledger" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "usage_ledger_gate_insert" ON "usage_ledger" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "usage_ledger_gate_update" ON "usage_ledger" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "usage_ledger_jobs_select" ON "usage_ledger" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (created_at < now() - interval '366 days');--> statement-breakpoint
CREATE POLICY "usage_ledger_jobs_delete" ON "usage_ledger" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (created_at < now() - interval '366 days');--> statement-breakpoint
alter table public.usage_ledger force row level security;
--> statement-breakpoint
alter table public.usage_days force row level security;
--> statement-breakpoint
grant select on public.usage_ledger, public.usage_days to neuraform_user;
--> statement-breakpoint
grant select, insert on public.usage_ledger, public.usage_days to neuraform_gate;
--> statement-breakpoint
grant update (spent, settled_at) on public.usage_ledger to neuraform_gate;
--> statement-breakpoint
grant update (reserved, spent) on public.usage_days to neuraform_gate;
--> statement-breakpoint
grant select (id, created_at), delete on public.usage_ledger to neuraform_jobs;
--> statement-breakpoint
grant select, update (parent_id) on public.messages to neuraform_gate;
--> statement-breakpoint
grant update (leaf_message_id, summary_seq) on public.conversations to neuraform_user;
--> statement-breakpoint
comment on table public.usage_ledger is 'What was set aside for each upstream call, and what it took.';
--> statement-breakpoint
comment on table public.usage_days is 'The sums of the ledger by person, day and kind.';
--> statement-breakpoint
alter table public.turns add constraint turns_usage_id_user_id_fkey
  foreign key (usage_id, user_id) references public.usage_ledger (id, user_id) on delete set null (usage_id);
--> statement-breakpoint
alter table public.conversation_deletions force row level security;
--> statement-breakpoint
grant select on public.conversation_deletions to neuraform_user;
--> statement-breakpoint
grant insert on public.conversation_deletions to neuraform_gate;
--> statement-breakpoint
grant select (gone_id, deleted_at), delete on public.conversation_deletions to neuraform_jobs;
--> statement-breakpoint
comment on table public.conversation_deletions is 'Conversations that are gone, for devices that still show them.';
