-- The keyed hashes of the words of each message, by which its person finds it again.
ALTER TABLE "messages" ADD COLUMN "words" bigint[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
CREATE INDEX "messages_words_idx" ON "messages" USING gin ("words") WITH (fastupdate=off);--> statement-breakpoint
CREATE POLICY "messages_gate_select" ON "messages" AS PERMISSIVE FOR SELECT TO "neuraform_gate" USING (true);