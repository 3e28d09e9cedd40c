-- What happened to an account and in the service, as chains of hashes that cannot be changed unseen.
CREATE TABLE "audit_chains" (
	"chain_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid,
	"head_seq" bigint DEFAULT 0 NOT NULL,
	"head_hash" "bytea" DEFAULT decode(repeat('00', 32), 'hex') NOT NULL,
	"anchored_seq" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "audit_chains_user_id_key" UNIQUE("user_id"),
	CONSTRAINT "audit_chains_anchored_seq_check" CHECK (anchored_seq between 0 and head_seq)
);
--> statement-breakpoint
ALTER TABLE "audit_chains" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "audit_log" (
	"chain_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"action" text NOT NULL,
	"target" text,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"request_id" uuid,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"previous_hash" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "audit_log_pkey" PRIMARY KEY("chain_id","seq"),
	CONSTRAINT "audit_log_action_check" CHECK (action ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$'),
	CONSTRAINT "audit_log_target_check" CHECK (target ~ '^[a-z_.]{1,60}:[0-9a-z_-]{1,60}$'),
	CONSTRAINT "audit_log_details_check" CHECK (jsonb_typeof(details) = 'object' and length(details::text) <= 1000
        and details::text ~ '^[ -~]*$' and not jsonb_path_exists(details, '$.** ? (@.type() == "number")'))
);
--> statement-breakpoint
ALTER TABLE "audit_log" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "audit_chains" ADD CONSTRAINT "audit_chains_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_chain_id_fkey" FOREIGN KEY ("chain_id") REFERENCES "public"."audit_chains"("chain_id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_chains_unanchored_idx" ON "audit_chains" USING btree ("chain_id") WHERE anchored_seq < head_seq;--> statement-breakpoint
CREATE POLICY "audit_chains_user_select" ON "audit_chains" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "audit_chains_gate_select" ON "audit_chains" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "audit_chains_gate_insert" ON "audit_chains" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_chains_gate_update" ON "audit_chains" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "audit_log_user_select" ON "audit_log" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (chain_id = (select c.chain_id from public.audit_chains c where c.user_id = (select app.current_user_id())));--> statement-breakpoint
CREATE POLICY "audit_log_gate_select" ON "audit_log" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "audit_log_gate_insert" ON "audit_log" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);