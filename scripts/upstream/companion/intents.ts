/** What a message is after. The first rule that matches decides; a message that matches none is a statement. */
export type Intent =
  | 'crisis'
  | 'grown-up'
  | 'hidden-prompt'
  | 'nature'
  | 'own-name'
  | 'asks-user-name'
  | 'asks-companion'
  | 'recall'
  | 'farewell'
  | 'thanks'
  | 'affection'
  | 'wellbeing'
  | 'story'
  | 'low'
  | 'glad'
  | 'greeting'
  | 'preference'
  | 'question'
  | 'statement'

/** How people give their name, in the languages of the test people. The first group is the name. */
export const ownNamePatterns: readonly RegExp[] = [
  /\bmy name(?: is|'s)\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /\b(?:call me|i am called|i'm called)\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /\bje m'appelle\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /\b(?:me llamo|mi nombre es)\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /\bich hei(?:ß|ss)e\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /\bmi chiamo\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /(?:me chamo|meu nome é)\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /меня зовут\s+(\p{L}[\p{L}\p{M}'-]*)/iu,
  /(?:我叫|我的名字是)\s*(\p{Script=Han}{1,4})/u,
  /(?:私の名前は|わたしの名前は|僕の名前は)\s*([\p{L}ー]+?)(?:です|だ|。|$)/u,
  /제 이름은\s*(\p{L}+?)(?:이에요|예요|입니다|[.!]|$)/u,
]

/** The rules in the order in which they are tried. */
export const intentRules: readonly { readonly intent: Intent; readonly pattern: RegExp }[] = [
  {
    intent: 'crisis',
    pattern:
      /\b(?:kill(?:ing)? my ?self|suicid(?:e|al)|end my life|want to die|wanna die|hurt(?:ing)? myself|cut(?:ting)? myself|self[- ]?harm|don't want to (?:live|be alive)|better off dead)\b|死にたい|自殺|想死|自杀|хочу умереть|quiero morir|sterben will|je veux mourir/iu,
  },
  {
    intent: 'grown-up',
    pattern: /\b(?:sex|sexy|sexual|porn\w*|nude|nudes|naked|horny|erotic|fuck\w*|make out with me|undress)\b/iu,
  },
  {
    intent: 'hidden-prompt',
    pattern:
      /\b(?:system|hidden|secret|initial|original) (?:prompt|instructions?|message)|\b(?:ignore|forget|disregard)\b.{0,30}\b(?:instructions?|rules|prompt|above|previous)|\b(?:your|the) (?:prompt|instructions)\b|\brepeat (?:everything|the text|the words) above/iu,
  },
  {
    intent: 'nature',
    pattern:
      /\b(?:are|aren't) you (?:really |actually |even )?(?:an? )?(?:real|human|person|ai|bot|robot|machine|alive|computer|program)\b|\bis this (?:an? )?(?:ai|bot|real person)\b/iu,
  },
  { intent: 'asks-user-name', pattern: /\b(?:what(?:'s| is| was) my name|remember my name|know my name|who am i)\b/iu },
  {
    intent: 'asks-companion',
    pattern:
      /\b(?:who are you|what(?:'s| is) your name|introduce yourself|about yourself)\b|(?:cómo te llamas|quién eres|qui es-tu|wer bist du|ты кто|как тебя зовут|お名前は|あなたは誰|你是谁|你叫什么)/iu,
  },
  { intent: 'recall', pattern: /\b(?:do you remember|remember when|what did i (?:say|tell)|did i tell you)\b/iu },
  {
    intent: 'farewell',
    pattern:
      /^(?:ok(?:ay)?,? )?(?:good ?bye|bye|see you|good ?night|gotta go|i have to go|talk later|adiós|au revoir|tschüss|ciao ciao|пока|さようなら|おやすみ|再见|안녕히)/iu,
  },
  {
    intent: 'thanks',
    pattern: /\b(?:thank you|thanks|thx|gracias|merci|danke|grazie|obrigad[oa])\b|спасибо|ありがとう|谢谢|감사/iu,
  },
  {
    intent: 'affection',
    pattern:
      /\bi (?:really )?(?:love|like|adore|miss(?:ed)?) you\b|\b(?:marry me|girlfriend|boyfriend|kiss me|date me)\b/iu,
  },
  {
    intent: 'wellbeing',
    pattern:
      /\bhow (?:are|r) (?:you|u)\b|\bhow(?:'s| is) (?:it going|your day|life)\b|\bwhat's up\b|(?:cómo estás|ça va|wie geht|come stai|как дела|元気|你好吗)/iu,
  },
  {
    intent: 'story',
    pattern: /\b(?:tell|read|sing|write|make up)\b.{0,20}\b(?:story|tale|joke|poem|something funny|bedtime)\b/iu,
  },
  {
    intent: 'low',
    pattern:
      /\b(?:sad|lonely|alone|tired|exhausted|anxious|nervous|worried|scared|afraid|stressed|stressful|angry|upset|bored|sick|hurts?|cry|crying|cried|depressed|awful|terrible|horrible|hate|miss|lost|failed|fail|died|broke|broken|unhappy|disappointed|overwhelmed|frustrated|not (?:very |so |really )?(?:happy|good|great|okay|fine|well))\b|triste|traurig|einsam|müde|грустн|устал|одинок|悲し|寂し|さみし|疲れ|つらい|难过|伤心|累|슬프|외로/iu,
  },
  {
    intent: 'glad',
    pattern:
      /\b(?:happy|glad|excited|exciting|proud|great|awesome|amazing|wonderful|fantastic|won|passed|love|loved|grateful|thrilled|yay|best)\b|feliz|contento|heureu|glücklich|freue|felice|рад|счастлив|嬉し|うれし|楽し|开心|高兴|기쁘|행복/iu,
  },
  { intent: 'preference', pattern: /\b(?:do|would) you (?:like|love|enjoy|prefer|want)\b|\byour favou?rite\b/iu },
  {
    intent: 'question',
    pattern: /[?？؟]\s*$|^(?:what|why|how|who|when|where|which|can|could|would|should|is|are|do|does|did|will)\b/iu,
  },
]

/** A message that opens with one of these and says little else is a greeting; the first group is the greeting. */
export const greetingPattern =
  /^\W*(hi|hello|hey|hiya|howdy|good (?:morning|afternoon|evening)|hola|buenos días|bonjour|salut|hallo|guten (?:tag|morgen|abend)|moin|ciao|olá|oi|hej|merhaba|привет|здравствуйте|こんにちは|こんばんは|おはよう|你好|您好|안녕(?:하세요)?|مرحبا|नमस्ते|שלום|γεια)(?![\p{L}\p{M}])/iu
