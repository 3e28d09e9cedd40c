-- An answer of the database may be lost: what a turn and an erasure need so that the next try finds where the first one stood.
ALTER TABLE "erasures" ADD COLUMN "cache_keys" "bytea"[];--> statement-breakpoint
ALTER POLICY "turns_jobs_update" ON "turns" TO neuraform_jobs USING (state = 'streaming') WITH CHECK (state = 'failed');