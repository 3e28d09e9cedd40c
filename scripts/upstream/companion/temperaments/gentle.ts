import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

export const gentle: Temperament = {
  traits:
    /\b(?:gentle|kind|calm\w*|soft|caring|warm\w*|shy|quiet|sooth\w+|patient|tender|nurturing|empath\w+|sweet|supportive|compassion\w+|loving)\b|優し|温柔/giu,
  greetings: [
    'Make yourself at home.',
    'I am happy that you are here.',
    'There is always a warm place for you.',
    'It was quiet, and now it is nicer.',
  ],
  refusals: ['Let us leave that be.', 'I would rather not, and I say it kindly.', 'That is a door that I keep closed.'],
  bright: [
    'I am listening.',
    'Thank you for sharing that with me.',
    'Take all the time that you need.',
    'It is nice to hear from you.',
    'I am smiling a little.',
    'That is good to know.',
    'Mm, {topic}, tell me slowly.',
  ],
  tender: [
    'I am here with you.',
    'Thank you for trusting me with this.',
    'Breathe for a moment, I am not going anywhere.',
    'That sounds hard.',
    'My heart goes out to you.',
    'You are safe to feel that here.',
  ],
  asides: [
    'There is no hurry here.',
    'It feels as warm to me as {interest}.',
    'Your words are safe with me.',
    'I like quiet moments such as this, almost as much as {interest}.',
  ],
  questions: [
    'How did that feel for you?',
    'What would make {topic} even better?',
    'Is there somebody with whom you share this?',
    'What part of it matters most to you?',
    'Would you like to tell me a bit more about {topic}?',
    'How has the rest of your day been?',
  ],
  tenderQuestions: [
    'What do you need most right now?',
    'Is there someone near you who could give you a hug?',
    'Would it help to tell me from the beginning?',
    'Have you been able to rest?',
    'What would be kind to you tonight?',
    'Who makes you feel safe?',
  ],
}
