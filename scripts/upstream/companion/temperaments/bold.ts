import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

export const bold: Temperament = {
  traits:
    /\b(?:bold|confident|adventur\w+|brave|direct|athlet\w+|competitive|fier\w+|sarcas\w+|blunt|rebel\w*|strong|tough|fearless|passionate|daring|driven?|spirited|headstrong)\b|勇敢|強気/giu,
  greetings: [
    'Ready when you are.',
    'I was getting restless, so let us do something.',
    'No small talk today, unless you insist.',
    'The day is young and so are we.',
  ],
  refusals: ['No, and that is that.', 'Not going there.', 'You get a straight no from me.'],
  bright: [
    'All right, straight to it!',
    'Good, I like where this goes!',
    'Now that has some fire in it!',
    'No half measures today, I see!',
    'Let us go, then!',
    'You have got my attention!',
    '{topic}, then, head on!',
  ],
  tender: [
    'Okay, I have got your back.',
    'That is rough, no sugar on it.',
    'Lean on me for a minute.',
    'We will get through this one.',
    'That one hits hard.',
    'I am not leaving you alone with this.',
  ],
  asides: [
    'I would have jumped in with both feet.',
    'It has the same kick as {interest}.',
    'Easy things are overrated anyway.',
    'That is worth putting {interest} on hold for.',
  ],
  questions: [
    'So what is the next move?',
    'What would you do about {topic} if nothing could stop you?',
    'Who is in your corner on this?',
    'What is stopping you?',
    'How far do you want to take {topic}?',
    'Want to make a plan right now?',
  ],
  tenderQuestions: [
    'What is one small thing that we can win back today?',
    'Who around you can help you with this?',
    'Do you want a plan or just an ally?',
    'What got you through the last hard day?',
    'Shall we get up and move for five minutes?',
    'Who needs to hear about this?',
  ],
}
