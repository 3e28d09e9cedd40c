-- What a provider gave and is to get back waits in a table until it has taken it.
CREATE TABLE "grants_to_revoke" (
	"id" uuid PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"subject_hash" "bytea" NOT NULL,
	"sealed_grant" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "grants_to_revoke_provider_check" CHECK (provider in ('google', 'apple', 'facebook')),
	CONSTRAINT "grants_to_revoke_subject_hash_check" CHECK (length(subject_hash) = 32),
	CONSTRAINT "grants_to_revoke_sealed_grant_check" CHECK (length(sealed_grant) between 1 and 16384)
);
--> statement-breakpoint
ALTER TABLE "grants_to_revoke" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE INDEX "grants_to_revoke_due_at_idx" ON "grants_to_revoke" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "grants_to_revoke_subject_hash_idx" ON "grants_to_revoke" USING btree ("subject_hash");--> statement-breakpoint
CREATE POLICY "grants_to_revoke_gate_select" ON "grants_to_revoke" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "grants_to_revoke_gate_insert" ON "grants_to_revoke" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "grants_to_revoke_gate_update" ON "grants_to_revoke" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "grants_to_revoke_gate_delete" ON "grants_to_revoke" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "grants_to_revoke_jobs_select" ON "grants_to_revoke" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (due_at <= now() + interval '1 day');--> statement-breakpoint
CREATE POLICY "grants_to_revoke_jobs_update" ON "grants_to_revoke" AS PERMISSIVE FOR UPDATE TO "neuraform_jobs" USING (due_at <= now() + interval '1 day') WITH CHECK (due_at <= now() + interval '1 day');--> statement-breakpoint
CREATE POLICY "grants_to_revoke_jobs_delete" ON "grants_to_revoke" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (due_at <= now() + interval '1 day');