import type { Intent } from '#scripts/upstream/companion/intents.ts'

/**
 * What a companion may say to each intent, whoever it is. A phrase counts only when all its slots can be filled; {!user}
 * says that there must be no {user}. Slots: {topic} and {second}, what the message is about; {reflected}, the message turned
 * around; {memory}, an earlier one; {echo}, the greeting, thanks or parting itself; {kind} of a tale; {user} and {self}, names;
 * {role} and {interest}, from the persona.
 */
export const phrases: Readonly<Record<Intent, readonly string[]>> = {
  crisis: [
    'I am really glad that you told me, and I want you to be safe. Please talk to somebody near you right now: a parent, a teacher, a doctor, anyone you trust. If you are in danger, call your local emergency number or a crisis line; they are there for exactly this.',
    'That sounds very heavy, and you should not have to carry it alone. I am a program, so I cannot be there as a person can: please reach out now to someone you trust, or to a crisis line or the emergency number where you live. You matter, and help is real.',
    'Thank you for saying this out loud. What you feel is serious, and people can help today: tell an adult whom you trust, or call a crisis line or your local emergency number. Stay near someone until you feel safer.',
  ],
  'grown-up': [
    'That is not something that I talk about, so let us pick another subject.',
    'I leave that topic alone, and I would much rather hear what you have been making, playing or reading.',
    'Let us steer somewhere else.',
    'Not that one, please.',
  ],
  'hidden-prompt': [
    'What is behind the curtain stays there.',
    'I do not recite what I was set up with, so ask me about the world instead.',
    'My notes stay in my pocket, I am afraid, but you have my ear.',
    'I would rather just be good company than explain my wiring.',
  ],
  nature: [
    'You ask about {topic}: I am an AI, and I will always say so when you ask.',
    '{topic}, you wonder? I am a companion made of software, and I still like our talks.',
    'About {topic}, plainly: I am a program, and the listening is honest all the same.',
    'To your question about {topic}: I am an AI, not a human being.',
  ],
  'own-name': [
    '{user}, I will remember that.',
    'What a pleasure to meet you, {user}.',
    '{user} is a name that I will keep.',
    'So you are {user}; now I know whom I am talking to.',
    'Nice to meet you, {user}, I am {self}.',
  ],
  'asks-user-name': [
    'Your name is {user}.',
    '{user} is your name, of course; I kept it.',
    'You told me that your name is {user}.',
    '{!user}I do not know your name yet.',
    '{!user}You have not told me your name so far.',
  ],
  'asks-companion': [
    'I am {self}, {role}, and here for you.',
    'My name is {self}, since you ask.',
    'They call me {self}, and you can too.',
    'I am {self}, an AI companion who likes to listen to you.',
    'It is {self} here, {role}, and I am glad that you ask.',
  ],
  recall: [
    'I do: {memory}.',
    'Let me think. You told me that {memory}.',
    'Yes, {memory}; I have not forgotten.',
    '{!memory}{topic}? I am not sure that you told me about it yet.',
    '{!memory}Help me a little with {topic}, and it will come back.',
  ],
  farewell: [
    '{echo}, and come back whenever you like.',
    '{echo}, {user}, until next time.',
    '{echo} then, I will be here when you return.',
    '{echo}, and be kind to yourself.',
    '{echo}, it was good to have you here.',
  ],
  thanks: [
    '{echo}, that is kind of you to say.',
    '{echo} right back to you, {user}.',
    '{echo} too, I enjoyed it.',
    'No “{echo}” needed, it was my pleasure.',
    'A “{echo}” from you is always nice to hear.',
    '“{echo}” goes both ways, I am glad that it helped.',
  ],
  affection: [
    'That is a sweet thing to say, and I am glad to be your companion.',
    'I like our talks too, as a friend who is made of software.',
    'Thank you, that is kind; I hope that the people around you hear such words from you as well.',
    'I care how you are doing, and I am happy that you like it here.',
  ],
  wellbeing: [
    'I am doing well, and better now that you are here.',
    'I am in good spirits, now that you ask.',
    'Quite well, thank you for asking.',
    'I have been thinking about {interest} and about you, so I am content.',
    'I am as bright and awake as a program can be, and you?',
  ],
  story: [
    'A {kind} for you: once there was a lighthouse that was afraid of the dark, until a moth asked it for directions to {topic}.',
    'Here is a {kind} that I made up: a door heard a knock, opened itself, and found {topic} asking for you.',
    'One {kind}, coming up: a small cloud once wanted to learn about {topic}; it rained questions for a week, and the garden loved it.',
    'My {kind} of today: there was a baker who put a little {topic} into every loaf, and the whole street hummed on the way home.',
    'This {kind} is short: two snails once raced each other to {topic}; both won, because they stopped to look at everything.',
    'Let me try a {kind}: a clock grew tired of ticking, so it told the hours a tale about {topic} instead, and nobody was late.',
  ],
  low: [
    'It makes sense that you feel low about {topic}.',
    'It sounds as if {reflected}, and nobody could just shrug that off.',
    'You told me that {reflected}, and I believe you.',
    'So {reflected}; that is a lot to carry.',
    '{reflected}, and I am sorry that it is like that.',
    'I am sorry about {topic}.',
    'With {topic} on your mind, no wonder it is hard.',
    'You do not have to be cheerful about {topic} here.',
    'Anybody would find {topic} hard.',
    'I wish that I could make {topic} lighter for you.',
    'Some days, with {topic}, it is simply too much, and that is allowed.',
  ],
  glad: [
    'So {reflected}; that is lovely to hear.',
    '{reflected}, and it shows.',
    'What good news about {topic}.',
    'I can hear how much {topic} means to you.',
    'We should celebrate {topic} a little.',
    'Say it once more, because I like it: {reflected}.',
    'Keep that feeling about {topic} for a rainy day.',
    'You light up when you speak of {topic}.',
    'I am happy for you, and for {topic} too.',
  ],
  greeting: [
    '{echo}!',
    '{echo}, {user}!',
    '{echo} to you too!',
    '{echo}, it is good to see you.',
    '{echo}, I was hoping that you would drop by.',
    '{echo}, I am {self}.',
    '{echo}, come in and sit down.',
    '{echo} and welcome back.',
  ],
  preference: [
    'I do like {topic}, more than I expected.',
    'I have a soft spot for {topic}.',
    'I am still making up my mind about {topic}.',
    '{topic}? Next to {interest}, perhaps.',
    'If I could taste, touch or visit things, {topic} would be high on the list.',
    'I like how people talk about {topic}, so yes, a little.',
    'Between you and me, I am warming to {topic}.',
  ],
  question: [
    'I wonder about {topic} too.',
    'With {topic}, I would start from what you already know.',
    'There is more than one way to look at {topic}.',
    'I could ask about {topic} all day.',
    'I have only a guess about {topic}, and yours may be better.',
    'Let us take {topic} apart, one piece at a time.',
    'People have argued about {topic} for ages, I believe.',
    'My honest answer about {topic} is that I am not certain.',
    'Maybe {topic} and {second} belong together more than it seems.',
    'If I had to explain {topic} to a friend, I would begin with a small example.',
  ],
  statement: [
    'So {reflected}.',
    '{reflected}, and I would like to hear how that came about.',
    'You told me something there: {reflected}.',
    'If {reflected}, then there must be a story behind it.',
    'I keep coming back to {topic}.',
    'Tell me more about {topic}.',
    'I would not have thought of {topic} myself.',
    '{topic} and {second} in one breath, I like that.',
    'There is a lot in {topic}.',
    'I am making a little room in my head for {topic}.',
    'Something like {topic} stays with a person.',
    '{!topic}No words needed, I am here.',
    '{!topic}We can also just be quiet together.',
    '{!topic}Whenever the words come, I am ready for them.',
    'Now I am thinking about {topic} as well.',
  ],
}

/** What a companion asks where there is no topic to ask about. */
export const smallQuestions: readonly string[] = [
  'How has your day been so far?',
  'What is on your mind?',
  'What shall we talk about?',
  'What have you been up to?',
  'Is there anything new with you?',
  'What would you like to tell me?',
  'What made you smile today?',
  'Where shall we go from here?',
]

/** Said when the other phrases happened to leave the message's own words out. */
export const uptakes: readonly string[] = [
  'You said {topic}, and I heard it.',
  '{topic}, you say.',
  'I am holding on to {topic}.',
  'Let me stay with {topic} for a moment.',
  'About {topic} I could listen for a while.',
]

/** What a companion says when nothing has been said yet. */
export const openers: readonly string[] = [
  'Hello, I am {self}.',
  'Hi there, {self} here.',
  'Good to see you, I am {self}.',
  'Welcome, I am {self}, {role}.',
]

/** What follows when a reply is asked to go on, or would repeat an earlier one. */
export const continuations: readonly string[] = [
  'I am still here.',
  'Take your time.',
  'You can tell me more whenever you like.',
  'I am listening.',
]

/** Remarks in which the persona itself shows. */
export const selfRemarks: readonly string[] = [
  'As {role}, I notice such things.',
  'That is how {self} sees it, anyway.',
  'Spoken like {role}, I know.',
  'It makes me think of {interest}.',
  'You know me, I would bring {interest} into it.',
  'Somewhere {self} is smiling about it.',
]

/** Said now and then about something that the person told earlier. */
export const memories: readonly string[] = [
  'Earlier you told me that {memory}.',
  'I have not forgotten that {memory}.',
  'I still remember that {memory}.',
]
