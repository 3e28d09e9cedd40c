import type { Client } from 'pg'

/**
 * Makes the functions that name and fill synthetic rows. Ids are UUIDv7 of a made-up clock that ticks once for each
 * message, every ten seconds, and so are known without being looked up.
 */
export async function makeScaleSchema(client: Client): Promise<void> {
  await client.query(`
    create schema scale;
    create function scale.id(kind int, tick bigint, n bigint) returns uuid language sql immutable return
      (lpad(to_hex(1735689600000 + tick * 10000), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8000' || lpad(to_hex(n), 12, '0'))::uuid;
    create function scale.at(tick bigint) returns timestamptz language sql immutable return
      timestamptz '2025-01-01 00:00:00Z' + tick * interval '10 seconds';
    create function scale.sealed(bytes int) returns bytea language sql immutable return
      substring(decode(repeat('019f3c7a51e2', 200), 'hex') from 1 for bytes);
    create function scale.hash(text) returns bytea language sql immutable return sha256(convert_to($1, 'UTF8'));
    create function scale.part(n bigint) returns float8 language sql immutable return
      (hashint8extended(n, 1) & 1048575)::float8 / 1048576;
    -- Few people have most of the conversations; those of one person are not neighbours.
    create function scale.owner_of(k bigint, conversations bigint, first_user bigint, users bigint) returns bigint
      language sql immutable return first_user + floor(users * power(((k * 7919) % conversations)::float8 / conversations, 2))::bigint;
  `)
}

/** Kinds of `scale.id`. */
export const kinds = {
  user: 1,
  conversation: 2,
  message: 3,
  turn: 4,
  identity: 5,
  session: 6,
  persona: 7,
  other: 8,
  memory: 9,
  frozen: 10,
} as const
