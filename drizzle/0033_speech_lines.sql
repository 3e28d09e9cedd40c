-- Lines that were spoken, who is having one spoken, what was heard again; recordings; seconds that were transcribed.
CREATE TABLE "shared_speech" (
	"id" uuid PRIMARY KEY NOT NULL,
	"cache_key" "bytea" NOT NULL,
	"persona_id" uuid,
	"r2_key" text NOT NULL,
	"audio_bytes" integer NOT NULL,
	"duration_ms" integer NOT NULL,
	"codec" text NOT NULL,
	"voice" text NOT NULL,
	"provider" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "shared_speech_cache_key_key" UNIQUE("cache_key"),
	CONSTRAINT "shared_speech_r2_key_key" UNIQUE("r2_key"),
	CONSTRAINT "shared_speech_codec_check" CHECK (codec in ('wav', 'mp3', 'opus', 'webm', 'mp4')),
	CONSTRAINT "shared_speech_size_check" CHECK (audio_bytes >= 0 and duration_ms >= 0)
);
--> statement-breakpoint
ALTER TABLE "shared_speech" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "speech_hits" (
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"day" date NOT NULL,
	"hits" integer DEFAULT 0 NOT NULL,
	"characters" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "speech_hits_pkey" PRIMARY KEY("user_id","day"),
	CONSTRAINT "speech_hits_amounts_check" CHECK (hits >= 0 and characters >= 0)
);
--> statement-breakpoint
ALTER TABLE "speech_hits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "speech_leases" (
	"cache_key" "bytea" PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"holder" uuid NOT NULL,
	"audio_key" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "speech_leases" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "usage_days" DROP CONSTRAINT "usage_days_kind_check";--> statement-breakpoint
ALTER TABLE "usage_ledger" DROP CONSTRAINT "usage_ledger_kind_check";--> statement-breakpoint
ALTER TABLE "voice_data" DROP CONSTRAINT "voice_data_codec_check";--> statement-breakpoint
ALTER TABLE "erasures" ADD COLUMN "due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "voice_data" ADD COLUMN "used_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "shared_speech" ADD CONSTRAINT "shared_speech_persona_id_fkey" FOREIGN KEY ("persona_id") REFERENCES "public"."personas"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "speech_hits" ADD CONSTRAINT "speech_hits_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "speech_leases" ADD CONSTRAINT "speech_leases_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "shared_speech_persona_id_idx" ON "shared_speech" USING btree ("persona_id");--> statement-breakpoint
CREATE INDEX "shared_speech_used_at_idx" ON "shared_speech" USING btree ("used_at");--> statement-breakpoint
CREATE INDEX "speech_leases_user_id_idx" ON "speech_leases" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "speech_leases_expires_at_idx" ON "speech_leases" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "voice_data_recordings_user_id_created_at_id_idx" ON "voice_data" USING btree ("user_id","created_at","id") WHERE kind = 'recording';--> statement-breakpoint
CREATE INDEX "voice_data_speech_user_id_used_at_id_audio_bytes_idx" ON "voice_data" USING btree ("user_id","used_at" DESC NULLS LAST,"id" DESC NULLS LAST,"audio_bytes") WHERE kind = 'speech' and expires_at is null;--> statement-breakpoint
CREATE INDEX "voice_data_speech_used_at_idx" ON "voice_data" USING btree ("used_at") WHERE kind = 'speech';--> statement-breakpoint
CREATE INDEX "voice_data_expires_at_idx" ON "voice_data" USING btree ("expires_at") WHERE expires_at is not null;--> statement-breakpoint
ALTER TABLE "usage_days" ADD CONSTRAINT "usage_days_kind_check" CHECK (kind in ('llm_tokens', 'speech_characters', 'transcribed_seconds', 'stored_bytes'));--> statement-breakpoint
ALTER TABLE "usage_ledger" ADD CONSTRAINT "usage_ledger_kind_check" CHECK (kind in ('llm_tokens', 'speech_characters', 'transcribed_seconds', 'stored_bytes'));--> statement-breakpoint
ALTER TABLE "voice_data" ADD CONSTRAINT "voice_data_cache_key_check" CHECK ((kind = 'speech') = (cache_key is not null));--> statement-breakpoint
ALTER TABLE "voice_data" ADD CONSTRAINT "voice_data_codec_check" CHECK (codec in ('wav', 'mp3', 'opus', 'webm', 'mp4'));--> statement-breakpoint
CREATE POLICY "voice_data_gate_insert" ON "voice_data" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "voice_data_gate_update" ON "voice_data" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "voice_data_gate_delete" ON "voice_data" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "shared_speech_gate_select" ON "shared_speech" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "shared_speech_gate_insert" ON "shared_speech" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "shared_speech_gate_update" ON "shared_speech" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "shared_speech_gate_delete" ON "shared_speech" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "speech_hits_user_select" ON "speech_hits" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "speech_hits_gate_select" ON "speech_hits" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "speech_hits_gate_insert" ON "speech_hits" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "speech_hits_gate_update" ON "speech_hits" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "speech_leases_gate_select" ON "speech_leases" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "speech_leases_gate_insert" ON "speech_leases" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "speech_leases_gate_update" ON "speech_leases" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "speech_leases_gate_delete" ON "speech_leases" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "speech_leases_jobs_select" ON "speech_leases" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (expires_at < now() - interval '3 minutes');--> statement-breakpoint
CREATE POLICY "speech_leases_jobs_delete" ON "speech_leases" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (expires_at < now() - interval '3 minutes');--> statement-breakpoint
alter table public.shared_speech force row level security;
--> statement-breakpoint
alter table public.speech_hits force row level security;
--> statement-breakpoint
alter table public.speech_leases force row level security;
--> statement-breakpoint
grant select on public.speech_hits to neuraform_user;
--> statement-breakpoint
grant select (cache_key, expires_at), delete on public.speech_leases to neuraform_jobs;
--> statement-breakpoint
grant select, insert, delete on public.shared_speech, public.speech_leases to neuraform_gate;
--> statement-breakpoint
grant insert, delete on public.voice_data to neuraform_gate;
--> statement-breakpoint
grant update (id, r2_key, audio_bytes, duration_ms, codec, voice, provider, created_at, used_at) on public.voice_data, public.shared_speech
  to neuraform_gate;
--> statement-breakpoint
grant update (persona_id) on public.shared_speech to neuraform_gate;
--> statement-breakpoint
grant update (expires_at) on public.voice_data to neuraform_gate;
--> statement-breakpoint
grant update (cache_key, user_id, holder, audio_key, expires_at) on public.speech_leases to neuraform_gate;
--> statement-breakpoint
grant select, insert on public.speech_hits to neuraform_gate;
--> statement-breakpoint
grant update (hits, characters) on public.speech_hits to neuraform_gate;
--> statement-breakpoint
comment on table public.shared_speech is 'Lines that a public companion publishes, spoken once for everybody.';
--> statement-breakpoint
comment on table public.speech_leases is 'Who is having a line spoken just now, so that everybody else waits for it.';
--> statement-breakpoint
comment on table public.speech_hits is 'How often a person heard what was spoken before, by day, and how many characters that was.';
