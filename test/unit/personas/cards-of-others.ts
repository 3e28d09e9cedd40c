// Card texts as other programs write them: their members, order, layout and mistakes; the words are made up.

const sillyTavernV2 = `{
    "name": "Mira",
    "description": "{{char}} keeps a lighthouse.",
    "personality": "dry, kind",
    "scenario": "A storm.",
    "first_mes": "The lamp is lit, {{user}}.",
    "mes_example": "<START>\\n{{user}}: Hello?\\n{{char}}: Mind the step.",
    "creatorcomment": "For stormy evenings.",
    "avatar": "none",
    "chat": "Mira - 2024-3-1 @20h 11m 05s 120ms",
    "talkativeness": "0.5",
    "fav": false,
    "tags": ["sea", "calm"],
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {
        "name": "Mira",
        "description": "{{char}} keeps a lighthouse.",
        "personality": "dry, kind",
        "scenario": "A storm.",
        "first_mes": "The lamp is lit, {{user}}.",
        "mes_example": "<START>\\n{{user}}: Hello?\\n{{char}}: Mind the step.",
        "creator_notes": "For stormy evenings.",
        "system_prompt": "",
        "post_history_instructions": "Stay in the lighthouse.",
        "tags": ["sea", "calm"],
        "creator": "somebody",
        "character_version": "1.0",
        "alternate_greetings": ["You are wet. Come in.", "Who knocks?"],
        "extensions": {
            "talkativeness": "0.5",
            "fav": false,
            "world": "Lighthouse",
            "depth_prompt": { "prompt": "She dislikes small talk.", "depth": 4, "role": "system" }
        },
        "character_book": {
            "entries": [
                {
                    "id": 0, "keys": ["lamp", "light"], "secondary_keys": [], "comment": "the lamp",
                    "content": "The lamp burns whale oil.", "constant": false, "selective": true,
                    "insertion_order": 100, "enabled": true, "position": "before_char", "use_regex": true,
                    "extensions": { "position": 0, "probability": 1e2, "depth": 4, "match_whole_words": null }
                },
                {
                    "id": 1, "keys": ["Mr. Hale"], "secondary_keys": ["boat"], "comment": "",
                    "content": "Mr. Hale brings supplies.", "constant": false, "selective": true,
                    "insertion_order": 90, "enabled": true, "position": "after_char", "use_regex": true,
                    "extensions": { "position": 1, "selectiveLogic": 0 }
                }
            ],
            "name": "Lighthouse"
        }
    },
    "create_date": "2024-3-1 @20h 10m 44s 901ms"
}
`

const agnaiV2 =
  '{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Ash","description":"a fox","personality":"","scenario":"","first_mes":"*yawns*","mes_example":"","creator_notes":"","system_prompt":"{{original}}","post_history_instructions":"","alternate_greetings":[],"character_book":{"name":"den","description":"","scan_depth":2,"token_budget":500,"recursive_scanning":false,"extensions":{},"entries":[{"name":"den","keys":["den"],"content":"The den is warm.","enabled":true,"insertion_order":0,"priority":50,"extensions":{}}]},"tags":[],"creator":"","character_version":"","extensions":{"agnai":{"voice":{"service":"elevenlabs","rate":1.0},"persona":{"kind":"text","attributes":{"text":["a fox"]}}},"chub":{"id":12345678901234567890,"full_path":"a/ash","related_lorebooks":[],"preset":null}}}}'

const risuV3 =
  '{"spec":"chara_card_v3","spec_version":"3.0","data":{"name":"リス","description":"森の司書。","personality":"","scenario":"","first_mes":"いらっしゃい🐿️","mes_example":"","creator_notes":"日本語","system_prompt":"","post_history_instructions":"","alternate_greetings":[],"group_only_greetings":["みんな、静かに。"],"nickname":"りっちゃん","creator_notes_multilingual":{"en":"A librarian.","ja":"司書"},"source":["https://example.org/r/1"],"creation_date":1700000000,"modification_date":1.7e9,"tags":["森"],"creator":"ri","character_version":"3","assets":[{"type":"icon","uri":"embeded://assets/icon/images/main.png","name":"main","ext":"png"},{"type":"emotion","uri":"embeded://assets/emotion/images/joy.webp","name":"joy","ext":"webp"},{"type":"x-risu-asset","uri":"ccdefault:","name":"d","ext":"png"}],"character_book":{"scan_depth":5,"extensions":{"risu_fullWordMatching":false},"entries":[{"keys":["図書館"],"content":"@@depth 4\\n@@role system\\n図書館は木の上にある。","extensions":{"risu_case_sensitive":false},"enabled":true,"insertion_order":100,"use_regex":false,"constant":false,"mode":"normal"}]},"extensions":{"risuai":{"bias":[],"viewScreen":"emotion","additionalAssets":[["a","","png"]],"__proto__":{"polluted":true}},"depth_prompt":{"depth":0,"prompt":""}}}}'

const tavernV1 =
  '{"name":"Old Tom","description":"A sailor.","personality":"gruff","scenario":"","first_mes":"Aye.","mes_example":"","metadata":{"version":1,"created":1674000000000,"modified":1674000000000,"source":null,"tool":{"name":"AI Character Editor","version":"0.5.0","url":""}}}'

const pygmalionV1 =
  '{\r\n\t"char_name": "Pip",\r\n\t"char_persona": "A robot gardener.",\r\n\t"world_scenario": "A roof garden.",\r\n\t"char_greeting": "Beep!",\r\n\t"example_dialogue": "{{char}}: Beep.",\r\n\t"name": "",\r\n\t"personality": "curious",\r\n\t"description": null\r\n}'

const withNulls =
  '{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Nil","description":null,"personality":null,"first_mes":"Hi","mes_example":null,"creator_notes":null,"alternate_greetings":null,"tags":null,"character_book":null,"extensions":null,"character_version":1.0,"creator":7}}'

const withNumbers =
  ' { "spec" : "chara_card_v2" , "spec_version" : "2.0" , "x" : [ 1.0 , 1e3 , -0 , 123456789012345678901234567890 , 1E400 ] , "data" : { "x" : 1 , "name" : "First" , "name" : "N\\u00fcm" , "x" : 2 , "description" : "d\\ud83d\\ude00\\u0000\\ud800" , "tags" : "a, b" , "extensions" : { } } }\n'

const withoutSpec = '{"data":{"name":"Bare","first_mes":"Hello."},"__proto__":{"isAdmin":true},"constructor":1}'

/** The texts by the program or the quirk. */
export const cardTexts = {
  sillyTavernV2,
  agnaiV2,
  risuV3,
  tavernV1,
  pygmalionV1,
  withNulls,
  withNumbers,
  withoutSpec,
} as const
