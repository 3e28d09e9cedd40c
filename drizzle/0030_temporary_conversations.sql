-- What is said in a temporary conversation is never found: its words are not stored.
do $$
begin
  grant create on schema app to neuraform_gate;
  set local role neuraform_gate;

  create or replace function app.place_message() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  declare is_temporary boolean;
  begin
    update public.conversations c
      set last_seq = c.last_seq + 1, message_count = c.message_count + 1, last_message_at = now(), updated_at = now()
      where c.id = new.conversation_id and c.user_id = new.user_id
      returning c.last_seq, c.is_temporary into new.seq, is_temporary;
    if not found then
      raise exception 'no such conversation' using errcode = '23503', constraint = 'messages_conversation_id_user_id_fkey';
    end if;
    if is_temporary then
      new.words := '{}';
    end if;
    return new;
  end $body$;

  create function app.drop_temporary_words() returns trigger
    language plpgsql volatile security definer set search_path = '' as $body$
  begin
    if exists (select from public.conversations c where c.id = new.conversation_id and c.is_temporary) then
      new.words := '{}';
    end if;
    return new;
  end $body$;
  comment on function app.drop_temporary_words() is 'Stores no words of what is said in a temporary conversation, however they come to be written.';
  revoke all on function app.drop_temporary_words() from public;

  -- Who makes a trigger must be allowed to call its function.
  grant execute on function app.drop_temporary_words() to neuraform_owner;
  set local role neuraform_owner;
  create trigger messages_temporary_words before update of words on public.messages
    for each row execute function app.drop_temporary_words();
  set local role neuraform_gate;
  revoke execute on function app.drop_temporary_words() from neuraform_owner;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
