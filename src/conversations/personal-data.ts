import { conversationDeletions, conversations, messages, turns } from '#src/conversations/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const conversationsPersonalData: PersonalData = {
  slice: 'conversations',
  tables: [conversations, conversationDeletions, turns, messages],
  sealed: [conversations.title, conversations.summary, turns.checkpoint, messages.content],
}
