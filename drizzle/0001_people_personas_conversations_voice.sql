-- The tables that the walking service needs, with their policies. Generated from src/*/tables.ts; grants and FORCE follow by hand.
CREATE TABLE "identities" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"provider" text NOT NULL,
	"issuer" text NOT NULL,
	"subject" text NOT NULL,
	"email" "bytea",
	"is_private_email" boolean DEFAULT false NOT NULL,
	"refresh_token" "bytea",
	"last_login_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "identities_issuer_subject_key" UNIQUE("issuer","subject"),
	CONSTRAINT "identities_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "identities_provider_check" CHECK (provider in ('google', 'facebook', 'apple')),
	CONSTRAINT "identities_subject_check" CHECK (length(subject) between 1 and 255)
);
--> statement-breakpoint
ALTER TABLE "identities" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "user_keys" (
	"user_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"key_encryption_key_id" text NOT NULL,
	"wrapped_key" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_keys_pkey" PRIMARY KEY("user_id","version"),
	CONSTRAINT "user_keys_version_check" CHECK (version between 1 and 65535)
);
--> statement-breakpoint
ALTER TABLE "user_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"first_name" "bytea" NOT NULL,
	"last_name" "bytea" NOT NULL,
	"email" "bytea",
	"email_index" "bytea",
	"is_email_verified" boolean DEFAULT false NOT NULL,
	"birthdate" "bytea" NOT NULL,
	"opens_16_on" date NOT NULL,
	"opens_18_on" date NOT NULL,
	"country" text,
	"avatar_url" text,
	"timezone" text DEFAULT 'UTC' NOT NULL,
	"language_preference" text DEFAULT 'en' NOT NULL,
	"notification_preferences" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"ui_preferences" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"role" text DEFAULT 'user' NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"terms_version" text NOT NULL,
	"terms_accepted_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"privacy_version" text NOT NULL,
	"privacy_policy_accepted_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_role_check" CHECK (role in ('user', 'admin')),
	CONSTRAINT "users_opens_on_check" CHECK (opens_18_on > opens_16_on)
);
--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "login_tickets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject_hash" "bytea",
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "login_tickets_kind_check" CHECK (kind in ('registration', 'age_refusal')),
	CONSTRAINT "login_tickets_subject_hash_check" CHECK ((kind = 'age_refusal') = (subject_hash is not null))
);
--> statement-breakpoint
ALTER TABLE "login_tickets" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "user_sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"identity_id" uuid NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"device_info" "bytea",
	"ip_prefix" "bytea",
	"user_agent" "bytea",
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"authenticated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_active_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"idle_lifetime_seconds" integer NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"absolute_expires_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	"revoked_reason" text,
	CONSTRAINT "user_sessions_token_hash_key" UNIQUE("token_hash"),
	CONSTRAINT "user_sessions_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "user_sessions_token_hash_check" CHECK (length(token_hash) = 32),
	CONSTRAINT "user_sessions_expires_at_check" CHECK (expires_at <= absolute_expires_at),
	CONSTRAINT "user_sessions_revoked_check" CHECK ((revoked_at is null) = (revoked_reason is null))
);
--> statement-breakpoint
ALTER TABLE "user_sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "conversations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"persona_id" uuid,
	"title" "bytea",
	"summary" "bytea",
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"is_pinned" boolean DEFAULT false NOT NULL,
	"is_temporary" boolean DEFAULT false NOT NULL,
	"message_count" integer DEFAULT 0 NOT NULL,
	"last_seq" bigint DEFAULT 0 NOT NULL,
	"last_message_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "conversations_id_user_id_key" UNIQUE("id","user_id")
);
--> statement-breakpoint
ALTER TABLE "conversations" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "messages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"conversation_id" uuid NOT NULL,
	"parent_id" uuid,
	"turn_id" uuid,
	"seq" bigint DEFAULT 0 NOT NULL,
	"role" text NOT NULL,
	"origin" text DEFAULT 'person' NOT NULL,
	"content" "bytea" NOT NULL,
	"content_type" text DEFAULT 'text' NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"status" text DEFAULT 'complete' NOT NULL,
	"tokens" integer,
	"model" text,
	"latency_ms" integer,
	"feedback" text,
	"edited_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "messages_id_conversation_id_key" UNIQUE("id","conversation_id"),
	CONSTRAINT "messages_conversation_id_seq_key" UNIQUE("conversation_id","seq"),
	CONSTRAINT "messages_role_check" CHECK (role in ('user', 'assistant')),
	CONSTRAINT "messages_origin_check" CHECK ((origin = 'person') = (role = 'user')),
	CONSTRAINT "messages_content_type_check" CHECK (content_type in ('text', 'markdown')),
	CONSTRAINT "messages_status_check" CHECK (status in ('complete', 'interrupted')),
	CONSTRAINT "messages_feedback_check" CHECK (feedback in ('up', 'down'))
);
--> statement-breakpoint
ALTER TABLE "messages" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "turns" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"conversation_id" uuid NOT NULL,
	"session_id" uuid DEFAULT app.current_session_id(),
	"state" text DEFAULT 'streaming' NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"user_message_id" uuid NOT NULL,
	"reply_message_id" uuid NOT NULL,
	"checkpoint" "bytea",
	"prompt_tokens" integer,
	"completion_tokens" integer,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "turns_key_hash_key" UNIQUE("key_hash"),
	CONSTRAINT "turns_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "turns_state_check" CHECK (state in ('streaming', 'complete', 'interrupted', 'failed')),
	CONSTRAINT "turns_ended_at_check" CHECK ((state = 'streaming') = (ended_at is null)),
	CONSTRAINT "turns_key_hash_check" CHECK (length(key_hash) = 32)
);
--> statement-breakpoint
ALTER TABLE "turns" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"resource_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone DEFAULT now() + interval '24 hours' NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("user_id","key"),
	CONSTRAINT "idempotency_keys_key_check" CHECK (length(key) between 1 and 255),
	CONSTRAINT "idempotency_keys_request_hash_check" CHECK (length(request_hash) = 32)
);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "personas" (
	"id" uuid PRIMARY KEY NOT NULL,
	"slug" text,
	"owner_id" uuid,
	"display_name" text NOT NULL,
	"description" text NOT NULL,
	"system_prompt" text NOT NULL,
	"greeting" text NOT NULL,
	"alternate_greetings" text[] DEFAULT '{}' NOT NULL,
	"example_dialogue" text DEFAULT '' NOT NULL,
	"lorebook" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"personality_config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"voice_config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"avatar_url" text,
	"vrm_model_path" text,
	"expressions" text[] DEFAULT '{}' NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"rating" text DEFAULT 'everyone' NOT NULL,
	"is_public" boolean DEFAULT false NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"card" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "personas_rating_check" CHECK (rating in ('everyone', '16', '18'))
);
--> statement-breakpoint
ALTER TABLE "personas" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "erasures" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"requested_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "erasures" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "voice_data" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid DEFAULT app.current_user_id() NOT NULL,
	"kind" text NOT NULL,
	"r2_key" text NOT NULL,
	"cache_key" "bytea",
	"audio_bytes" integer NOT NULL,
	"duration_ms" integer NOT NULL,
	"codec" text NOT NULL,
	"voice" text,
	"provider" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	CONSTRAINT "voice_data_r2_key_key" UNIQUE("r2_key"),
	CONSTRAINT "voice_data_kind_check" CHECK (kind in ('speech', 'recording')),
	CONSTRAINT "voice_data_codec_check" CHECK (codec in ('wav', 'mp3')),
	CONSTRAINT "voice_data_size_check" CHECK (audio_bytes >= 0 and duration_ms >= 0)
);
--> statement-breakpoint
ALTER TABLE "voice_data" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_keys" ADD CONSTRAINT "user_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_sessions" ADD CONSTRAINT "user_sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_sessions" ADD CONSTRAINT "user_sessions_identity_id_user_id_fkey" FOREIGN KEY ("identity_id","user_id") REFERENCES "public"."identities"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_persona_id_fkey" FOREIGN KEY ("persona_id") REFERENCES "public"."personas"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "public"."conversations"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_parent_id_conversation_id_fkey" FOREIGN KEY ("parent_id","conversation_id") REFERENCES "public"."messages"("id","conversation_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "messages" ADD CONSTRAINT "messages_turn_id_user_id_fkey" FOREIGN KEY ("turn_id","user_id") REFERENCES "public"."turns"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "turns" ADD CONSTRAINT "turns_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "turns" ADD CONSTRAINT "turns_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "public"."conversations"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "personas" ADD CONSTRAINT "personas_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "voice_data" ADD CONSTRAINT "voice_data_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "identities_user_id_idx" ON "identities" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_index_key" ON "users" USING btree ("email_index") WHERE is_email_verified;--> statement-breakpoint
CREATE INDEX "login_tickets_subject_hash_idx" ON "login_tickets" USING btree ("subject_hash");--> statement-breakpoint
CREATE INDEX "login_tickets_expires_at_idx" ON "login_tickets" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "user_sessions_user_id_created_at_id_idx" ON "user_sessions" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "user_sessions_identity_id_user_id_idx" ON "user_sessions" USING btree ("identity_id","user_id");--> statement-breakpoint
CREATE INDEX "user_sessions_absolute_expires_at_idx" ON "user_sessions" USING btree ("absolute_expires_at");--> statement-breakpoint
CREATE INDEX "conversations_user_id_updated_at_id_idx" ON "conversations" USING btree ("user_id","updated_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "conversations_persona_id_idx" ON "conversations" USING btree ("persona_id");--> statement-breakpoint
CREATE INDEX "messages_conversation_id_user_id_seq_idx" ON "messages" USING btree ("conversation_id","user_id","seq" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "messages_user_id_idx" ON "messages" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "messages_parent_id_conversation_id_idx" ON "messages" USING btree ("parent_id","conversation_id");--> statement-breakpoint
CREATE INDEX "messages_turn_id_user_id_idx" ON "messages" USING btree ("turn_id","user_id");--> statement-breakpoint
CREATE INDEX "turns_user_id_idx" ON "turns" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "turns_conversation_id_user_id_idx" ON "turns" USING btree ("conversation_id","user_id");--> statement-breakpoint
CREATE INDEX "turns_session_id_user_id_idx" ON "turns" USING btree ("session_id","user_id");--> statement-breakpoint
CREATE INDEX "turns_streaming_started_at_idx" ON "turns" USING btree ("started_at") WHERE state = 'streaming';--> statement-breakpoint
CREATE INDEX "idempotency_keys_expires_at_idx" ON "idempotency_keys" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "personas_slug_key" ON "personas" USING btree ("slug") WHERE owner_id is null;--> statement-breakpoint
CREATE INDEX "personas_owner_id_idx" ON "personas" USING btree ("owner_id");--> statement-breakpoint
CREATE INDEX "personas_created_at_id_idx" ON "personas" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "erasures_user_id_idx" ON "erasures" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "voice_data_user_id_cache_key_key" ON "voice_data" USING btree ("user_id","cache_key");--> statement-breakpoint
CREATE INDEX "voice_data_user_id_created_at_id_idx" ON "voice_data" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE POLICY "identities_user_select" ON "identities" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "identities_gate_select" ON "identities" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "identities_gate_insert" ON "identities" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "identities_gate_update" ON "identities" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_keys_gate_select" ON "user_keys" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "user_keys_gate_insert" ON "user_keys" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "users_user_select" ON "users" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "users_user_update" ON "users" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (id = (select app.current_user_id())) WITH CHECK (id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "users_gate_select" ON "users" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "users_gate_insert" ON "users" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "users_gate_update" ON "users" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "users_gate_delete" ON "users" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "login_tickets_gate_select" ON "login_tickets" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "login_tickets_gate_insert" ON "login_tickets" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "login_tickets_jobs_select" ON "login_tickets" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (expires_at < now());--> statement-breakpoint
CREATE POLICY "login_tickets_jobs_delete" ON "login_tickets" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (expires_at < now());--> statement-breakpoint
CREATE POLICY "user_sessions_user_select" ON "user_sessions" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "user_sessions_user_update" ON "user_sessions" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "user_sessions_gate_select" ON "user_sessions" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "user_sessions_gate_insert" ON "user_sessions" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_sessions_gate_update" ON "user_sessions" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_sessions_jobs_select" ON "user_sessions" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (absolute_expires_at < now());--> statement-breakpoint
CREATE POLICY "user_sessions_jobs_delete" ON "user_sessions" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (absolute_expires_at < now());--> statement-breakpoint
CREATE POLICY "conversations_user_select" ON "conversations" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "conversations_user_update" ON "conversations" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "conversations_user_delete" ON "conversations" AS PERMISSIVE FOR DELETE TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "conversations_user_insert" ON "conversations" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()) and (persona_id is null or exists (select 1 from public.personas p where p.id = persona_id)));--> statement-breakpoint
CREATE POLICY "conversations_gate_select" ON "conversations" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "conversations_gate_update" ON "conversations" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "messages_user_select" ON "messages" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "messages_user_insert" ON "messages" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()) and role = 'user');--> statement-breakpoint
CREATE POLICY "messages_gate_insert" ON "messages" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "turns_user_select" ON "turns" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "turns_user_insert" ON "turns" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "turns_user_update" ON "turns" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "turns_gate_select" ON "turns" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "turns_gate_update" ON "turns" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "turns_jobs_select" ON "turns" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (state = 'streaming' or ended_at > now() - interval '1 minute');--> statement-breakpoint
CREATE POLICY "turns_jobs_update" ON "turns" AS PERMISSIVE FOR UPDATE TO "neuraform_jobs" USING (state = 'streaming') WITH CHECK (state = 'interrupted');--> statement-breakpoint
CREATE POLICY "idempotency_keys_user_select" ON "idempotency_keys" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "idempotency_keys_user_insert" ON "idempotency_keys" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "idempotency_keys_jobs_select" ON "idempotency_keys" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (expires_at < now());--> statement-breakpoint
CREATE POLICY "idempotency_keys_jobs_delete" ON "idempotency_keys" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (expires_at < now());--> statement-breakpoint
CREATE POLICY "personas_user_select" ON "personas" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (is_active and (owner_id = (select app.current_user_id()) or (is_public and rating = any ((select app.admitted_ratings())::text[]))));--> statement-breakpoint
CREATE POLICY "personas_visitor_select" ON "personas" AS PERMISSIVE FOR SELECT TO "neuraform_visitor" USING (is_active and is_public and rating = 'everyone');--> statement-breakpoint
CREATE POLICY "personas_jobs_select" ON "personas" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (owner_id is null);--> statement-breakpoint
CREATE POLICY "personas_jobs_insert" ON "personas" AS PERMISSIVE FOR INSERT TO "neuraform_jobs" WITH CHECK (owner_id is null);--> statement-breakpoint
CREATE POLICY "personas_jobs_update" ON "personas" AS PERMISSIVE FOR UPDATE TO "neuraform_jobs" USING (owner_id is null) WITH CHECK (owner_id is null);--> statement-breakpoint
CREATE POLICY "erasures_gate_select" ON "erasures" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "erasures_gate_insert" ON "erasures" AS PERMISSIVE FOR INSERT TO "neuraform_gate" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "erasures_gate_update" ON "erasures" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "voice_data_user_select" ON "voice_data" AS PERMISSIVE FOR SELECT TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "voice_data_user_insert" ON "voice_data" AS PERMISSIVE FOR INSERT TO "neuraform_user" WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "voice_data_user_update" ON "voice_data" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "voice_data_user_delete" ON "voice_data" AS PERMISSIVE FOR DELETE TO "neuraform_user" USING (user_id = (select app.current_user_id()));--> statement-breakpoint
CREATE POLICY "voice_data_gate_select" ON "voice_data" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);