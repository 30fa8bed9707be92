//! The words of stage directions, by how sure they are.

/// Verbs and nouns that stand for nothing else.
#[rustfmt::skip]
pub(super) const CERTAIN: &[&str] = &[
    "laugh", "laughs", "laughing", "laughter", "chuckle", "chuckles", "chuckling", "giggle",
    "giggles", "giggling", "snicker", "snickers", "snickering", "snort", "snorts", "snorting",
    "sigh", "sighs", "sighing", "smile", "smiles", "smiling", "grin", "grins", "grinning", "smirk",
    "smirks", "smirking", "wink", "winks", "winking", "nod", "nods", "nodding", "shrug", "shrugs",
    "shrugging", "cough", "coughs", "coughing", "sneeze", "sneezes", "gasp", "gasps", "gasping",
    "gulp", "gulps", "gulping", "yawn", "yawns", "yawning", "sniff", "sniffs", "sniffle",
    "sniffles", "sniffling", "sob", "sobs", "sobbing", "groan", "groans", "groaning", "moans",
    "humming", "whisper", "whispers", "whispering", "inhale", "inhales", "inhaling", "exhale",
    "exhales", "exhaling", "breathes", "breathing", "wheezes", "wheezing", "mutters", "muttering",
    "mumbles", "mumbling", "murmurs", "murmuring", "whistles", "whistling", "hesitates",
    "hesitating", "blushes", "blushing", "frowns", "frowning", "pouts", "curtsies", "clapping",
    "applause", "swallows", "gestures", "gesturing", "beaming", "pausing", "giddily", "rustles",
    "rustling", "shuffles", "shuffling", "glances", "glancing", "whimpers", "weeps", "squeals",
    "shivers", "shudders", "trembles", "stammers", "stutters", "singing", "screams", "shouting",
    "throat-clearing", "leans", "leaning", "tilts", "tilting",
    // German, French, Spanish, Italian.
    "lacht", "lachend", "lachen", "kichert", "kichernd", "seufzt", "seufzend", "seufzen",
    "lächelt", "lächelnd", "räuspert", "räuspern", "hustet", "flüstert", "flüsternd", "nickt",
    "nickend", "zwinkert", "grinst", "grinsend", "gähnt", "schmunzelt", "schmunzelnd", "rit",
    "riant", "rires", "soupire", "soupirant", "soupir", "sourit", "souriant", "tousse", "chuchote",
    "hoche", "glousse", "racle", "ríe", "riendo", "risas", "suspira", "suspirando", "suspiro",
    "sonríe", "sonriendo", "tose", "susurra", "asiente", "carraspea", "guiña", "risate",
    "ridacchia", "sospira", "sospirando", "sospiro", "sorride", "sorridendo", "tossisce",
    "sussurra", "annuisce", "schiarisce",
];

/// Words that are common in speech as well.
#[rustfmt::skip]
pub(super) const AMBIGUOUS: &[&str] = &[
    "pause", "pauses", "beat", "silence", "typing", "types", "clicks", "clicking", "keyboard",
    "music", "static", "looks", "looking", "checks", "checking", "thinks", "thinking", "listens",
    "listening", "waits", "waiting", "waves", "waving", "cries", "crying", "hums", "cheers",
    "beams", "turns", "turning", "flips", "flipping", "scrolls", "scrolling", "sips", "drinks",
    "speaks", "speaking", "says", "sings", "shouts", "yells", "claps", "bows", "rings", "ringing",
    "breath", "breathe", "scratches", "rubs", "stretches", "reads", "reading", "writes", "writing",
    "searches", "searching", "consults", "taps", "tapping", "nervously", "continues", "responds",
    "responding", "connecting", "transferring", "dials", "hangs", "picks", "puts", "places",
    "shifts", "steps", "stands", "sits", "walks", "returns", "enters", "hold", "dialing",
    "overlegt", "überlegt", "tippt", "atmet", "pausa", "inspire", "rire", "ride", "pensa",
    "piensa",
];

/// Verbs, and what they are about.
pub(super) const WITH_OBJECT: &[(&str, &[&str])] = &[
    ("clears", &["throat", "voice"]),
    ("clearing", &["throat", "voice"]),
    ("clear", &["throat"]),
    ("takes", &["breath", "sip", "moment", "note", "notes", "beat", "pause"]),
    ("taking", &["breath", "sip", "moment", "note", "notes", "pause"]),
    ("take", &["breath"]),
    ("rolls", &["eyes"]),
    ("raises", &["eyebrow", "eyebrows", "voice", "hand"]),
    ("lowers", &["voice"]),
    ("softens", &["voice", "tone"]),
    ("shakes", &["head"]),
    ("holds", &["breath"]),
    ("lets", &["laugh", "sigh", "chuckle", "breath"]),
    ("gives", &["smile", "nod", "laugh", "chuckle", "sigh"]),
    ("bites", &["lip"]),
    ("prend", &["inspiration", "souffle"]),
    ("holt", &["luft"]),
];

/// Ways to speak, which stand alone in brackets.
#[rustfmt::skip]
pub(super) const DELIVERY: &[&str] = &[
    "softly", "warmly", "warm", "cheerfully", "cheerful", "excited", "excitedly", "happily",
    "happy", "sadly", "sad", "calmly", "calm", "gently", "gentle", "quietly", "brightly",
    "enthusiastically", "enthusiastic", "sympathetically", "sympathetic", "empathetic",
    "apologetically", "apologetic", "reassuringly", "reassuring", "politely", "sarcastic",
    "sarcastically", "mischievously", "curious", "curiously", "angry", "annoyed", "appalled",
    "surprised", "nervous", "nervously", "hesitant", "hesitantly", "amused", "thoughtful",
    "thoughtfully", "friendly", "confident", "confidently", "soothing", "soothingly", "inaudible",
    "crosstalk", "silence", "noise", "fröhlich", "leise", "sanft", "doucement", "chaleureusement",
    "suavemente", "dolcemente",
];

/// Nouns that say how something is said.
#[rustfmt::skip]
pub(super) const MANNER: &[&str] =
    &["tone", "voice", "accent", "whisper", "stimme", "ton", "voix", "voz", "tono"];

/// Words before the verb that say nothing by themselves.
#[rustfmt::skip]
pub(super) const LEADING: &[&str] = &[
    "i", "she", "he", "they", "the", "a", "an", "agent", "assistant", "receptionist", "speaker",
    "operator", "ai", "bot", "voice", "starts", "begins", "starting", "still", "short", "long",
    "brief", "deep", "quick", "small", "slight", "little", "soft", "light", "gentle", "nervous",
    "awkward", "dramatic", "heavy", "loud", "big", "warm", "then", "and", "with", "to", "in",
    "some", "sound", "sounds", "of", "background", "sich", "se", "si", "la", "le", "der", "die",
    "das", "ein", "slowly", "slightly", "briefly", "quickly", "audibly", "lightly", "heavily",
    "deeply", "silently", "awkwardly", "playfully", "knowingly", "visibly", "still", "eine", "un",
    "une", "una", "kurze", "kurz", "leicht",
];

/// The same in Chinese, where there are no spaces.
#[rustfmt::skip]
pub(super) const CHINESE: &[&str] = &[
    "笑", "叹气", "叹息", "咳嗽", "清嗓子", "清了清", "点头", "停顿", "沉默", "鼓掌", "眨眼", "深呼吸",
];
