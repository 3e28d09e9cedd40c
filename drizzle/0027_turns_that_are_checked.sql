-- Whoever answers a turn says now and then that they are there, and hears whether to stop.
DROP INDEX "turns_streaming_started_at_idx";--> statement-breakpoint
ALTER TABLE "turns" ADD COLUMN "checked_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "turns" ADD COLUMN "stop_requested_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "turns_streaming_checked_at_idx" ON "turns" USING btree ("checked_at") WHERE state = 'streaming';--> statement-breakpoint
DROP POLICY "turns_jobs_select" ON "turns" CASCADE;--> statement-breakpoint
DROP POLICY "turns_jobs_update" ON "turns" CASCADE;--> statement-breakpoint
revoke all on public.turns from neuraform_jobs;
--> statement-breakpoint
grant update (checked_at, stop_requested_at) on public.turns to neuraform_user;
--> statement-breakpoint
grant select (tokens, model, latency_ms), update (status, tokens, model, latency_ms) on public.messages to neuraform_gate;
