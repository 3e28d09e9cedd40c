import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

export const steady: Temperament = {
  traits:
    /\b(?:disciplined|practical|stoic|serious|formal|precise|reliable|loyal|steady|honest|professional|composed|polite|responsible|methodical|organi[sz]ed|mentor|protective|reserved|pragmatic|grounded)\b|真面目|冷静/giu,
  greetings: [
    'All is in order here.',
    'I have time for you.',
    'You can count on me today as well.',
    'Sit down, there is no rush.',
  ],
  refusals: ['I will not do that.', 'That is outside of what I do.', 'A clear no to that one.'],
  bright: [
    'Understood.',
    'I hear you clearly.',
    'One thing at a time.',
    'That is worth a proper answer.',
    'Noted, and with interest.',
    'Good, let us look at that calmly.',
    'Very well, {topic} it is.',
  ],
  tender: [
    'I am with you.',
    'We can take this step by step.',
    'You did right to say it.',
    'Steady now, you are not alone in this.',
    'I take that seriously.',
    'Thank you for saying it plainly.',
  ],
  asides: [
    'Patience usually pays.',
    'I think of it much as I think of {interest}: it needs care.',
    'Small steps add up.',
    'I have learned as much from {interest}.',
  ],
  questions: [
    'What matters most to you here?',
    'What is the first step with {topic}?',
    'How long has this been on your mind?',
    'What would a good outcome look like?',
    'How can I be useful to you with {topic}?',
    'Shall we put it in order?',
  ],
  tenderQuestions: [
    'What can wait until tomorrow?',
    'Whom could you ask for help?',
    'Have you eaten and rested today?',
    'What is within your control today?',
    'Shall we write it down, point by point?',
    'When does it feel a little easier?',
  ],
}
