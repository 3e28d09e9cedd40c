-- Session tokens are replaced, a session says where it began, an identity may go, and more than a ticket is good once.
CREATE TABLE "retired_tokens" (
	"token_hash" "bytea" PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"session_id" uuid NOT NULL,
	"retired_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"good_until" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "retired_tokens_token_hash_check" CHECK (length(token_hash) = 32)
);
--> statement-breakpoint
ALTER TABLE "retired_tokens" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "login_tickets" DROP CONSTRAINT "login_tickets_kind_check";--> statement-breakpoint
ALTER TABLE "user_sessions" ADD COLUMN "location" "bytea";--> statement-breakpoint
ALTER TABLE "retired_tokens" ADD CONSTRAINT "retired_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retired_tokens" ADD CONSTRAINT "retired_tokens_session_id_user_id_fkey" FOREIGN KEY ("session_id","user_id") REFERENCES "public"."user_sessions"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "retired_tokens_session_id_user_id_idx" ON "retired_tokens" USING btree ("session_id","user_id");--> statement-breakpoint
CREATE INDEX "retired_tokens_user_id_idx" ON "retired_tokens" USING btree ("user_id");--> statement-breakpoint
ALTER TABLE "login_tickets" ADD CONSTRAINT "login_tickets_kind_check" CHECK (kind in ('registration', 'age_refusal', 'nonce', 'state', 'code', 'event'));--> statement-breakpoint
CREATE POLICY "identities_gate_delete" ON "identities" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "retired_tokens_gate_select" ON "retired_tokens" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "retired_tokens_gate_insert" ON "retired_tokens" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "retired_tokens_gate_update" ON "retired_tokens" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);