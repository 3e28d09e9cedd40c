-- Conversations are listed by companion, pinned and archived; a message has its person's feedback; what is temporary goes after a day.
CREATE INDEX "conversations_user_id_persona_id_updated_at_id_idx" ON "conversations" USING btree ("user_id","persona_id","updated_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "conversations_pinned_idx" ON "conversations" USING btree ("user_id","updated_at" DESC NULLS LAST,"id" DESC NULLS LAST) WHERE is_pinned;--> statement-breakpoint
CREATE INDEX "conversations_archived_idx" ON "conversations" USING btree ("user_id","updated_at" DESC NULLS LAST,"id" DESC NULLS LAST) WHERE not is_active;--> statement-breakpoint
CREATE INDEX "conversations_temporary_created_at_idx" ON "conversations" USING btree ("created_at") WHERE is_temporary;--> statement-breakpoint
CREATE POLICY "conversations_jobs_select" ON "conversations" AS PERMISSIVE FOR SELECT TO "neuraform_jobs" USING (is_temporary and created_at < now() - interval '1 day');--> statement-breakpoint
CREATE POLICY "conversations_jobs_delete" ON "conversations" AS PERMISSIVE FOR DELETE TO "neuraform_jobs" USING (is_temporary and created_at < now() - interval '1 day');--> statement-breakpoint
CREATE POLICY "messages_user_update" ON "messages" AS PERMISSIVE FOR UPDATE TO "neuraform_user" USING (user_id = (select app.current_user_id())) WITH CHECK (user_id = (select app.current_user_id()));--> statement-breakpoint
grant update (feedback) on public.messages to neuraform_user;
--> statement-breakpoint
grant select (id, is_temporary, created_at), delete on public.conversations to neuraform_jobs;
