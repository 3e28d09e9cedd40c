const lists = {
  english:
    "a an the this that these those some any each every all both few more most other such no nor not only own same so than too very and but if or because as until while of at by for with about against between into through during before after above below to from up down in out on off over under again further then once here there when where why how what which who whom whose i i'm i've i'd i'll me my myself mine we we're we've we'll us our ours you you're you've you'd you'll your yours yourself he he's him his she she's her hers it it's its they they're them their theirs am is isn't are aren't was wasn't were be been being have haven't has hasn't had do don't does doesn't did didn't doing will won't would wouldn't can can't cannot could couldn't should shouldn't may might must shall let let's just really quite maybe perhaps also still even ever never always often sometimes now today tomorrow yesterday yes yeah no ok okay oh ah well please hello hi hey much many lot lots little bit got get gets getting go goes going went gone come came make makes made take took see saw seen say says said tell told think thought know knew feel feels feeling felt want wants wanted need needs like likes liked love loves loved give gave try tried keep kept put thing things something anything nothing everything someone anyone one two way kind sort yet almost around like back that's what's there's who's how's where's favourite favorite",
  spanish:
    'el la los las un una unos unas de del al a en y o u que qué como cómo es son soy eres está estoy están fue era muy más menos mi mis tu tus su sus me te se lo le les nos yo él ella ellos no sí con por para pero porque cuando dónde donde hay he ha hoy ayer mañana esto esta este eso también ya quiero tengo tiene gusta',
  french:
    "le la les un une des de du d'un d'une au aux à en et ou que qui quoi est sont suis es été était très plus moins mon ma mes ton ta tes son sa ses je j'ai tu il elle nous vous ils elles me te se ne pas oui non avec pour par mais parce quand où ce cet cette ces c'est aussi déjà aujourd'hui hier demain comme dans sur",
  german:
    'der die das den dem des ein eine einen einem einer und oder aber ist sind bin bist war waren hat habe hast haben ich du er sie es wir ihr mich mir dich dir sich mein meine meinen meiner dein deine nicht kein keine ja nein mit für von vom zu zum zur auf in im an am aus bei nach über unter sehr mehr auch schon noch nur so wie was wer wo wann warum heute gestern morgen dass weil wenn als',
  portuguese:
    'o os as um uma uns umas de do da dos das em no na nos nas e ou que é são sou está estou foi era muito mais menos meu minha meus minhas teu tua seu sua eu você ele ela nós eles me te se não sim com por para mas porque quando onde hoje ontem amanhã isto este esta isso também já como',
  italian:
    'il lo la gli le un uno una di del della dei in nel nella e o che è sono sei era molto più meno mio mia miei mie tuo tua suo sua io tu lui lei noi voi loro mi ti si non sì con per ma perché quando dove oggi ieri domani questo questa anche già come ho hai ha',
  russian:
    'и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по ее мне было вот от меня еще нет о из ему когда мой моя мое мои твой это был была есть очень сегодня вчера завтра мы они где почему кто для тебя',
  japanese:
    'は が を に で と も の へ から まで より や か ね よ な だ です ます でした ました ません て た し れ さ する した して い いる ある あり なり こと それ これ あれ この その あの 私 わたし 僕 ぼく 俺 あなた 君 何 とても そして でも 今日 昨日 明日 さん ちゃん',
  chinese:
    '的 了 是 在 我 你 他 她 它 们 我们 你们 他们 和 也 都 很 不 没 没有 有 就 这 那 这个 那个 什么 怎么 吗 呢 吧 啊 一 个 一个 今天 昨天 明天 到 去 说 会 要 上',
  arabic: 'في من على إلى عن أنا أنت هو هي هذا هذه هذي و أو لا نعم ما كان جدا اليوم مع يا',
  korean:
    '나는 내가 나 저는 제가 저 너 당신 그 이 저 것 수 는 은 가 을 를 에 의 도 와 과 오늘 어제 내일 아주 너무 그리고 하지만',
}

/** The words that carry no topic of their own, by language, in lower case. */
export const stopWords: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(lists).map(([language, words]) => [language, new Set(words.split(' '))]),
)
