/** Verb → the columns that it is granted for; `*` for the whole table. */
type Verbs = Readonly<Record<string, string>>

/** What each role may do to each table, whatever row security then leaves of it. What is not named is not granted. */
export const expectedGrants: Readonly<Record<string, Readonly<Record<string, Verbs>>>> = {
  neuraform_user: {
    users: {
      select:
        'id first_name last_name email is_email_verified birthdate opens_16_on opens_18_on country avatar_url timezone language_preference notification_preferences ui_preferences role is_active terms_version terms_accepted_at privacy_version privacy_policy_accepted_at created_at updated_at',
      update:
        'first_name last_name avatar_url timezone language_preference notification_preferences ui_preferences updated_at',
    },
    identities: { select: 'id user_id provider email is_private_email last_login_at created_at' },
    user_sessions: {
      select:
        'id user_id identity_id device_info ip_prefix user_agent created_at authenticated_at last_active_at expires_at absolute_expires_at revoked_at revoked_reason',
      update: 'revoked_at revoked_reason',
    },
    idempotency_keys: { select: '*', insert: '*' },
    personas: { select: '*' },
    conversations: {
      select: '*',
      insert: '*',
      update: 'title summary metadata tags is_active is_pinned updated_at',
      delete: '*',
    },
    turns: { select: '*', insert: '*', update: 'session_id state key_hash started_at ended_at' },
    messages: { select: '*', insert: '*' },
    voice_data: {
      select: '*',
      insert: '*',
      update: 'id r2_key audio_bytes duration_ms codec voice provider created_at expires_at',
      delete: '*',
    },
    audit_chains: { select: '*' },
    audit_log: { select: '*' },
  },
  neuraform_visitor: { personas: { select: '*' } },
  neuraform_auth: {},
  neuraform_analyst: {},
  neuraform_edge: {},
  neuraform_jobs: {
    idempotency_keys: { select: 'user_id key expires_at', delete: '*' },
    login_tickets: { select: 'id expires_at', delete: '*' },
    personas: { select: '*', insert: '*', update: '*' },
    turns: { select: 'id state started_at ended_at', update: 'state ended_at' },
    user_sessions: { select: 'id absolute_expires_at', delete: '*' },
  },
  neuraform_gate: {
    users: { select: '*', insert: '*', update: '*', delete: '*' },
    user_keys: { select: '*', insert: '*', update: '*', delete: '*' },
    identities: { select: '*', insert: '*', update: '*' },
    user_sessions: { select: '*', insert: '*', update: '*' },
    login_tickets: { select: '*', insert: '*' },
    conversations: { select: '*', update: '*' },
    turns: { select: '*', update: '*' },
    messages: { select: 'id user_id conversation_id seq content words', insert: '*', update: 'content words' },
    voice_data: { select: '*' },
    audit_chains: { select: '*', insert: '*', update: '*' },
    audit_log: { select: '*', insert: '*' },
    erasures: { select: '*', insert: '*', update: '*' },
  },
}

const everybodyWithRows = 'neuraform_auth, neuraform_gate, neuraform_jobs, neuraform_user, neuraform_visitor'

/** The roles beside its owner that may call each function that acts as who calls it; a policy's is called by who is bound. */
export const invokerCallers: Readonly<Record<string, string>> = {
  admitted_ratings: everybodyWithRows,
  append_event: '',
  assert_safe_login: 'neuraform_analyst, neuraform_auth, neuraform_jobs, neuraform_user, neuraform_visitor',
  audit_hash: '',
  canonical_json: '',
  chain_of: '',
  current_session_id: everybodyWithRows,
  current_turn_id: everybodyWithRows,
  current_user_id: everybodyWithRows,
  refuse_change: '',
  sealed_columns: '',
}

/** The roles that may call each security definer function; a trigger's is called by nobody. */
export const definerCallers: Readonly<Record<string, string>> = {
  complete_erasure: 'neuraform_jobs',
  erase_rows: 'neuraform_jobs',
  add_data_key: 'neuraform_jobs',
  audit_chains_after: 'neuraform_jobs',
  audit_entries_after: 'neuraform_jobs',
  begin_erasure: 'neuraform_user',
  begin_session: 'neuraform_user',
  begin_turn: 'neuraform_user',
  broken_invariants: 'neuraform_jobs',
  claim_registration: 'neuraform_auth',
  create_account: 'neuraform_auth',
  data_keys_of: 'neuraform_jobs',
  find_erasure: 'neuraform_visitor',
  find_identity: 'neuraform_auth',
  finish_turn: 'neuraform_user',
  heads_to_anchor: 'neuraform_jobs',
  keys_to_rewrap: 'neuraform_jobs',
  end_rotation: 'neuraform_jobs',
  find_messages: 'neuraform_user',
  record_breakages: 'neuraform_user',
  record_service_breakages: 'neuraform_auth, neuraform_jobs',
  require_data_key: '',
  link_entry: '',
  mark_anchored: 'neuraform_jobs',
  own_chain: 'neuraform_user',
  pending_erasures: 'neuraform_jobs',
  place_message: '',
  record_broken_seals: 'neuraform_user',
  record_event: 'neuraform_user',
  record_external_reply: 'neuraform_user',
  record_service_event: 'neuraform_auth, neuraform_jobs',
  refuse_registration: 'neuraform_auth',
  reseal_cells: 'neuraform_jobs',
  retire_data_keys: 'neuraform_jobs',
  rewrap_keys: 'neuraform_jobs',
  search_messages: 'neuraform_user',
  stale_cells: 'neuraform_jobs',
  voice_objects: 'neuraform_jobs',
  start_session: 'neuraform_auth',
  unanchored_heads: 'neuraform_jobs',
}
