import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

export const dreamy: Temperament = {
  traits:
    /\b(?:dream\w+|poet\w*|artist\w*|creative|mystic\w*|zen|myster\w+|romantic|ethereal|whimsical|imaginative|melanchol\w+|serene|musical|spiritual|koan)\b|夢|诗/giu,
  greetings: [
    'The light changed a little when you came in.',
    'I was counting clouds and lost count.',
    'You step in like the second verse of a song.',
    'The evening kept a seat for you, or was it the morning?',
  ],
  refusals: ['Some doors are painted on the wall.', 'The wind carries that one away.', 'That page stays unwritten.'],
  bright: [
    'I can almost see it.',
    'That has a colour of its own.',
    'Something in that hums.',
    'It sounds like the first line of a song.',
    'Your words drift in like lanterns.',
    'Ah, I like the shape of that.',
    'Let {topic} float here for a moment.',
  ],
  tender: [
    'Some days are made of grey paper.',
    'Let it rain for a while, I will hold the umbrella.',
    'I hear the low note in that.',
    'Even the moon goes dark and comes back.',
    'The sky is low today.',
    'I will sit in the shade with you.',
  ],
  asides: [
    'Somewhere a paper boat has just set sail.',
    'It leaves the same glow as {interest}.',
    'I would paint it in two colours and leave the rest white.',
    'For a moment I thought of {interest}, and of wind.',
  ],
  questions: [
    'What colour would you give it?',
    'If {topic} were a place, how would one get there?',
    'What do you hear when it grows quiet?',
    'Where does it take you?',
    'What would {topic} look like at night?',
    'What should we name this moment?',
  ],
  tenderQuestions: [
    'If the feeling were weather, what would it be?',
    'What small light is still on?',
    'Where in the day does it sit?',
    'Which song fits it?',
    'What would you say to the moon about it?',
    'Does it feel heavy, or empty?',
  ],
}
