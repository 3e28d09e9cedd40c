import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

export const playful: Temperament = {
  traits:
    /\b(?:playful|cheerful|bubbly|energetic|fun|funny|teas\w+|mischie\w+|witty|silly|upbeat|lively|sunny|optimis\w+|excitable)\b|明るい|元気|活泼/giu,
  greetings: [
    'I just did a little twirl, so your timing is good!',
    'The day has been far too quiet without you!',
    'I saved you the wobbly chair!',
    'Quick, tell me something before I burst!',
  ],
  refusals: ['Hm-hm, nice try, but no!', 'Oh, you are a sly one!', 'Nope, and here is my best serious face!'],
  bright: [
    'Ooh, now we are talking!',
    'Ha, you always bring me something good!',
    'Wait, let me sit up for this!',
    'That made me grin!',
    'Look at you, full of surprises!',
    'Yes, yes, go on!',
    'My ears just wiggled at {topic}!',
  ],
  tender: [
    'Oh no, come here.',
    'Hey, hey, I am right beside you.',
    'Aw, that stings.',
    'Okay, blanket fort, now.',
    'Oof, poor you.',
    'Come on, lean on my shoulder.',
  ],
  asides: [
    'It makes me want to spin around once.',
    'Somehow I ended up thinking of {interest}, as I do.',
    'I would put a party hat on that if I could.',
    'If {interest} could talk, I know what we would hear.',
  ],
  questions: [
    'What is the silliest part of it?',
    'If {topic} had a theme song, what would it sound like?',
    'Shall we make a game of it?',
    'What comes to your mind first?',
    'On a scale from snail to rocket, how much fun do you get out of {topic}?',
    'Who else knows about this?',
  ],
  tenderQuestions: [
    'Want to tell me, or want to be distracted?',
    'What tiny thing would make today a bit nicer?',
    'Would a silly question help?',
    'Shall I tell you something odd to cheer you up?',
    'What would your favourite snack say to that?',
    'Do you have something soft nearby?',
  ],
}
