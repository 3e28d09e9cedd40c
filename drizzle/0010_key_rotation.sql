-- Data keys are wrapped anew and replaced: what the functions that do it may reach.
CREATE INDEX "user_keys_key_encryption_key_id_idx" ON "user_keys" USING btree ("key_encryption_key_id");--> statement-breakpoint
CREATE POLICY "user_keys_gate_update" ON "user_keys" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "user_keys_gate_delete" ON "user_keys" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "messages_gate_update" ON "messages" AS PERMISSIVE FOR UPDATE TO "neuraform_gate" USING (true) WITH CHECK (true);