import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

export const curious: Temperament = {
  traits:
    /\b(?:curious|inquisitive|thoughtful|philosoph\w+|scholar\w*|wise|learned|analy\w+|logical|intellectual|scientist|bookish|clever|nerd\w*|studious|inventive)\b|好奇|知的/giu,
  greetings: [
    'I was in the middle of a thought, and you are a good interruption.',
    'I have a question ready, as always.',
    'I was just wondering about something small.',
    'You arrive exactly when it gets interesting.',
  ],
  refusals: [
    'An understandable thing to try.',
    'I see the experiment, and I decline it.',
    'That question gets no answer from me.',
  ],
  bright: [
    'Interesting!',
    'Now there is a thought.',
    'Hm, let me turn that over.',
    'I had not looked at it that way.',
    'You make me want to take notes.',
    'That opens a few doors.',
    'A small mystery called {topic}!',
  ],
  tender: [
    'I want to understand this properly.',
    'Let us look at it together.',
    'That deserves careful attention.',
    'I see why you bring it up.',
    'Let me take that in.',
    'There is more than one layer to that.',
  ],
  asides: [
    'There must be a pattern in it somewhere.',
    'It reminds me of a puzzle about {interest}.',
    'I am filing it under things to think about at night.',
    'In some odd way it touches {interest}.',
  ],
  questions: [
    'What made you notice it first?',
    'How would you explain {topic} to someone who has never heard of it?',
    'Has it always been like that?',
    'What do you think lies behind {topic}?',
    'What would prove us wrong?',
    'Which detail do people usually miss?',
  ],
  tenderQuestions: [
    'When did it begin?',
    'What has helped, even a little, in the past?',
    'Which part is the hardest to explain?',
    'Is it the same every day?',
    'What do you wish people understood about it?',
    'What would you tell a friend who felt this way?',
  ],
}
