//! Words that end in a full stop which ends no sentence.

/// What the full stop after a word may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The end of a sentence.
    Sentence,
    /// Never the end: something always follows, such as a name.
    Title,
    /// The end unless a number follows.
    Number,
    /// The end only if the next word is one that usually begins a sentence.
    Either,
}

/// Entries in lower case match any case; others match as they are written.
const TITLES: &[&str] = &[
    "dr", "dra", "mr", "mrs", "ms", "mx", "prof", "messrs", "mme", "mlle", "rev", "srta", "sra",
    "Gen", "Rep", "Sen", "Gov", "Pres", "Capt", "Lt", "Col", "Sgt", "Cmdr", "Maj", "Hon", "Supt",
    "Mt", "Ft", "vs", "approx", "cf", "viz", "e.g", "i.e", "z.b", "p.ej", "d.h", "u.a", "bzw",
    "ca", "Hr", "Hrn", "Fr", "Frl", "Dipl", "ing", "sig", "sig.ra", "dott", "dott.ssa", "avv",
    "geom", "dña", "d.ª", "bspw", "ggf", "evtl", "inkl", "zzgl", "vgl", "aprox", "env", "Sta",
    "Sto", "Ste", "Ft", "Messrs", "Revd", "Adm", "Brig",
];
const NUMBERS: &[&str] = &[
    "no",
    "nos",
    "nr",
    "num",
    "núm",
    "Fig",
    "Figs",
    "Sec",
    "Ch",
    "Vol",
    "Art",
    "ext",
    "apt",
    "pp",
    "Rm",
    "Ste",
    "tel",
    "pg",
    "Abs",
    "Pos",
    "Ver",
    "tél",
    "telf",
    "pág",
    "pag",
    "Unit",
    "Op",
    "Kap",
    "ene",
    "abr",
    "ago",
    "dic",
    "gen",
    "mag",
    "giu",
    "lug",
    "set",
    "ott",
    "Hausnr",
    "Zi",
    "Whg",
    "durchwahl",
    "poste",
    "int",
];
const EITHER: &[&str] = &[
    "st", "Ave", "Blvd", "Rd", "Ln", "Pl", "Sq", "Hwy", "Pkwy", "av", "avda", "bd", "Str", "Bldg",
    "Fl", "etc", "usw", "Inc", "Ltd", "Co", "Corp", "Bros", "llc", "Assn", "Dept", "dept", "Univ",
    "Sr", "Jr", "Esq", "ph.d", "Ud", "Uds", "ee.uu", "ft", "lb", "lbs", "oz", "hr", "hrs", "mins",
    "secs", "est", "al", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct",
    "Nov", "Dec", "Mon", "Tue", "Tues", "Wed", "Thu", "Thur", "Thurs", "Fri", "Sat", "Sun", "misc",
    "incl", "max", "min", "avg", "temp", "appt", "Mio", "Mrd", "Std", "Sek", "Jh", "Jhd", "ee",
    "uu", "ff", "p.zza", "v.le", "c.so", "ecc", "Ct", "Cir", "Cres", "Ter", "Pde", "Sts", "Aves",
    "Apts", "bd", "boul", "yd", "yds", "mi", "gal", "sq", "cu", "tsp", "tbsp", "Mo", "Di", "Mi",
    "Do", "Sa", "janv", "févr", "avr", "juil", "déc", "Mrz", "Okt", "Dez", "Mai", "Ene", "Abr",
    "Ago", "Dic", "Gen", "Mag", "Giu", "Lug", "Set", "Ott", "fl",
];
const STARTERS: &[&str] = &[
    "a", "after", "also", "an", "and", "any", "anything", "are", "as", "at", "before", "but", "by",
    "can", "could", "did", "do", "does", "don't", "for", "from", "have", "he", "her", "here",
    "his", "how", "however", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "is", "it", "it's",
    "just", "let", "let's", "may", "my", "no", "now", "of", "on", "once", "or", "our", "please",
    "she", "should", "since", "so", "sorry", "thank", "thanks", "that", "that's", "the", "their",
    "then", "there", "there's", "these", "they", "they're", "this", "those", "to", "was", "we",
    "we'll", "we're", "we've", "were", "what", "what's", "when", "where", "which", "while", "who",
    "why", "will", "with", "would", "yes", "you", "you'll", "you're", "your", "el", "la", "los",
    "las", "es", "en", "y", "si", "sí", "nos", "puede", "der", "die", "das", "wir", "sie", "ich",
    "es", "le", "les", "nous", "vous", "je", "il", "elle", "et",
];

/// Words that are not spoken apart from the next one.
const LEANING: &[&str] = &[
    "a", "an", "and", "at", "by", "for", "from", "her", "his", "in", "is", "my", "of", "on", "or",
    "our", "the", "their", "this", "that", "to", "very", "with", "your", "de", "del", "el", "la",
    "dot", "punkt", "punto", "arroba", "los", "un", "una", "der", "die", "das", "ein", "eine",
    "le", "les", "du", "des",
];

/// What a full stop right after `word` may mean; `word` holds no white space and may hold stops.
pub(super) fn stop_after(word: &str) -> Stop {
    if listed(TITLES, word) {
        return Stop::Title;
    }
    if listed(NUMBERS, word) {
        return Stop::Number;
    }
    let street = word.to_lowercase().ends_with("str") && word.len() > 3;
    if street || listed(EITHER, word) || is_initial(word) || is_acronym(word) {
        return Stop::Either;
    }
    Stop::Sentence
}

/// Whether a word often begins a sentence.
pub(super) fn is_starter(word: &str) -> bool {
    let word = word.to_lowercase().replace('’', "'");
    STARTERS.contains(&word.as_str())
}

/// Whether a word and the next are spoken in one breath.
pub(super) fn leans_on_next(word: &str) -> bool {
    LEANING.contains(&word.to_lowercase().as_str())
}

fn listed(list: &[&str], word: &str) -> bool {
    let lower = word.to_lowercase();
    list.iter().any(|entry| *entry == word || *entry == lower)
}

/// One letter, as in J. Smith or z. B.
fn is_initial(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
}

/// Single letters with stops between them: U.S, p.m, N.A.S.A.
fn is_acronym(word: &str) -> bool {
    word.contains('.')
        && word.split('.').all(|part| {
            let mut letters = part.chars();
            letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
        })
}
