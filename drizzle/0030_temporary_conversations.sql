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

  create or replace function app.store_reply(
    answered public.turns, reply_content bytea, reply_words bigint[], reply_status text, reply_tokens integer, reply_model text,
    reply_latency_ms integer
  ) returns void language plpgsql volatile security invoker set search_path = '' as $body$
  begin
    update public.messages m
      set content = reply_content, status = reply_status, tokens = coalesce(reply_tokens, m.tokens),
          model = coalesce(reply_model, m.model), latency_ms = coalesce(reply_latency_ms, m.latency_ms),
          words = (select case when c.is_temporary then '{}' else reply_words end from public.conversations c where c.id = m.conversation_id)
      where m.id = answered.reply_message_id and m.user_id = answered.user_id;
    if not found then
      insert into public.messages (id, user_id, conversation_id, parent_id, turn_id, role, origin, content, words, status, tokens,
          model, latency_ms)
        values (answered.reply_message_id, answered.user_id, answered.conversation_id, answered.user_message_id, answered.id, 'assistant',
          'companion', reply_content, reply_words, reply_status, reply_tokens, reply_model, reply_latency_ms);
    end if;
  end $body$;

  set local role neuraform_owner;
  revoke create on schema app from neuraform_gate;
end $$;
