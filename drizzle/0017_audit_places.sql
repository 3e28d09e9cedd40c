-- An entry's place is 1 or more, so that none can be put before the first; and the entries of a day are found by an index,
-- so that the daily anchoring need not believe what a chain says of itself. A row that is there already is for
-- `npm run audit:verify` to name: it must not stop a set-up.
CREATE INDEX "audit_log_occurred_at_idx" ON "audit_log" USING brin ("occurred_at");--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_seq_check" CHECK (seq >= 1) NOT VALID;--> statement-breakpoint
do $$
begin
  alter table public.audit_log validate constraint audit_log_seq_check;
exception when check_violation then
  raise warning 'there are audit entries before the first: npm run audit:verify names them';
end $$;
