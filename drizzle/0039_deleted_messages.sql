-- A person deletes what was said, and what follows it.
CREATE POLICY "messages_gate_delete" ON "messages" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
CREATE POLICY "turns_gate_delete" ON "turns" AS PERMISSIVE FOR DELETE TO "neuraform_gate" USING (true);--> statement-breakpoint
grant delete on public.turns, public.messages to neuraform_gate;
