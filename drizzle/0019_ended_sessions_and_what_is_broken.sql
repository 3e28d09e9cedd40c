-- A session that has ended stays so for its own person too. The record of what is broken and a rotation of keys find their
-- rows by indexes of their own; the one that goes goes last, since it keeps readers out.
CREATE INDEX "audit_log_once_idx" ON "audit_log" USING btree ("chain_id","target","details") WHERE action in ('seal.broken', 'data_key.broken', 'data_key.kept');--> statement-breakpoint
CREATE INDEX "messages_user_id_id_idx" ON "messages" USING btree ("user_id","id");--> statement-breakpoint
ALTER POLICY "user_sessions_user_update" ON "user_sessions" TO neuraform_user USING (user_id = (select app.current_user_id()) and revoked_at is null) WITH CHECK (user_id = (select app.current_user_id()) and revoked_at is not null);--> statement-breakpoint
DROP INDEX "messages_user_id_idx";
