-- Row security holds for the tables' owner too, and each role gets the columns that it needs and no other. Beside it the one
-- foreign key that drizzle cannot say: a turn names a session of its own person's, and loses its name alone when that goes.
do $$
declare named text;
begin
  foreach named in array array[
    'users', 'user_keys', 'identities', 'user_sessions', 'login_tickets', 'idempotency_keys', 'personas',
    'conversations', 'turns', 'messages', 'voice_data', 'erasures'
  ] loop
    execute format('alter table public.%I force row level security', named);
  end loop;
end $$;
--> statement-breakpoint
alter table public.turns add constraint turns_session_id_user_id_fkey
  foreign key (session_id, user_id) references public.user_sessions (id, user_id) on delete set null (session_id);
--> statement-breakpoint
grant usage on schema public to neuraform_gate, neuraform_user, neuraform_visitor, neuraform_auth, neuraform_jobs, neuraform_analyst;
--> statement-breakpoint
grant select (id, first_name, last_name, email, is_email_verified, birthdate, opens_16_on, opens_18_on, country, avatar_url, timezone,
    language_preference, notification_preferences, ui_preferences, role, is_active, terms_version, terms_accepted_at,
    privacy_version, privacy_policy_accepted_at, created_at, updated_at),
  update (first_name, last_name, avatar_url, timezone, language_preference, notification_preferences, ui_preferences, updated_at)
  on public.users to neuraform_user;
--> statement-breakpoint
grant select (id, user_id, provider, email, is_private_email, last_login_at, created_at) on public.identities to neuraform_user;
--> statement-breakpoint
grant select (id, user_id, identity_id, device_info, ip_prefix, user_agent, created_at, authenticated_at, last_active_at, expires_at,
    absolute_expires_at, revoked_at, revoked_reason),
  update (revoked_at, revoked_reason) on public.user_sessions to neuraform_user;
--> statement-breakpoint
grant select, insert on public.idempotency_keys to neuraform_user;
--> statement-breakpoint
grant select on public.personas to neuraform_user, neuraform_visitor;
--> statement-breakpoint
grant select, insert, delete, update (title, summary, metadata, tags, is_active, is_pinned, updated_at)
  on public.conversations to neuraform_user;
--> statement-breakpoint
grant select, insert, update (state, key_hash, session_id, started_at, ended_at) on public.turns to neuraform_user;
--> statement-breakpoint
grant select, insert on public.messages to neuraform_user;
--> statement-breakpoint
grant select, insert, delete, update (r2_key, audio_bytes, duration_ms, codec, voice, provider, created_at, expires_at, id)
  on public.voice_data to neuraform_user;
--> statement-breakpoint
grant select, insert, update, delete on public.users to neuraform_gate;
--> statement-breakpoint
grant select, insert on public.user_keys, public.login_tickets to neuraform_gate;
--> statement-breakpoint
grant insert on public.messages to neuraform_gate;
--> statement-breakpoint
grant select, insert, update on public.identities, public.user_sessions, public.erasures to neuraform_gate;
--> statement-breakpoint
grant select, update on public.conversations, public.turns to neuraform_gate;
--> statement-breakpoint
grant select on public.voice_data to neuraform_gate;
--> statement-breakpoint
grant select, insert, update on public.personas to neuraform_jobs;
--> statement-breakpoint
grant select (id, absolute_expires_at), delete on public.user_sessions to neuraform_jobs;
--> statement-breakpoint
grant select (id, expires_at), delete on public.login_tickets to neuraform_jobs;
--> statement-breakpoint
grant select (user_id, key, expires_at), delete on public.idempotency_keys to neuraform_jobs;
--> statement-breakpoint
grant select (id, state, started_at, ended_at), update (state, ended_at) on public.turns to neuraform_jobs;
--> statement-breakpoint
comment on table public.users is 'People. Names, email and birthdate are sealed; opens_16_on and opens_18_on gate ratings without a birthdate.';
--> statement-breakpoint
comment on table public.user_keys is 'Each person''s data key, wrapped. Erasing it shreds what it sealed.';
--> statement-breakpoint
comment on table public.identities is 'Sign-in identities, found by (issuer, subject), never by email.';
--> statement-breakpoint
comment on table public.user_sessions is 'Sessions, found by the SHA-256 of their token.';
--> statement-breakpoint
comment on table public.login_tickets is 'Single-use claims of the sign-in path, and age refusals under a keyed hash.';
--> statement-breakpoint
comment on table public.idempotency_keys is 'What a client''s Idempotency-Key made, for a day.';
--> statement-breakpoint
comment on table public.personas is 'Companions. Built-in ones have no owner.';
--> statement-breakpoint
comment on table public.conversations is 'Conversations; title and summary are sealed.';
--> statement-breakpoint
comment on table public.turns is 'One exchange: a person''s message and the streamed reply to it.';
--> statement-breakpoint
comment on table public.messages is 'What was said, sealed. seq counts from 1 in each conversation.';
--> statement-breakpoint
comment on table public.voice_data is 'Audio in R2: synthesised speech and recordings.';
--> statement-breakpoint
comment on table public.erasures is 'Receipts of erased accounts.';
