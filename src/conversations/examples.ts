/** A conversation as it is told. */
export const conversationExample = {
  id: '01a219c7-1980-72eb-8d4c-e845b46a94b6',
  persona_id: '0198f000-0000-7000-8000-000000000001',
  title: 'The evening before the examination',
  summary: null,
  metadata: {},
  tags: ['evening'],
  is_active: true,
  is_pinned: false,
  is_temporary: false,
  message_count: 2,
  last_seq: 2,
  leaf_message_id: '01a219c7-1a20-7d3c-9f0e-5b8f3c1d2e4a',
  last_message_at: '2026-11-26T20:15:04.120Z',
  created_at: '2026-11-26T20:14:58.003Z',
  updated_at: '2026-11-26T20:15:04.120Z',
}

/** What a person says in it. */
export const spokenExample = {
  id: '01a219c7-19f1-7a52-8c1b-0f6e2d4b7a91',
  conversation_id: conversationExample.id,
  parent_id: null,
  turn_id: '01a219c7-19e8-7c44-a1d0-3e5f7b9c2d10',
  seq: 1,
  role: 'user',
  origin: 'person',
  content: 'I am nervous about my astronomy examination tomorrow.',
  content_type: 'text',
  metadata: {},
  status: 'complete',
  tokens: null,
  model: null,
  latency_ms: null,
  feedback: null,
  memory_ids: [],
  created_at: '2026-11-26T20:15:02.310Z',
}

/** What the companion answers. */
export const repliedExample = {
  ...spokenExample,
  id: conversationExample.leaf_message_id,
  parent_id: spokenExample.id,
  seq: 2,
  role: 'assistant',
  origin: 'companion',
  content: 'What tiny thing would make today a bit nicer?',
  tokens: 12,
  model: 'gpt-5-mini',
  latency_ms: 1_810,
  created_at: '2026-11-26T20:15:04.120Z',
}
