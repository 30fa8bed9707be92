//! Abbreviations, titles, streets, states and Roman numerals.

use super::Word;
use super::numbers::{cardinal, ordinal};
use super::token::{Said, Text};

const ABBREVIATIONS: &[(&str, &str)] = &[
    ("mr.", "mister"),
    ("mrs.", "missus"),
    ("ms.", "miz"),
    ("messrs.", "messieurs"),
    ("prof.", "professor"),
    ("rev.", "reverend"),
    ("gen.", "general"),
    ("sgt.", "sergeant"),
    ("capt.", "captain"),
    ("lt.", "lieutenant"),
    ("col.", "colonel"),
    ("gov.", "governor"),
    ("sen.", "senator"),
    ("jr.", "junior"),
    ("sr.", "senior"),
    ("ave.", "avenue"),
    ("rd.", "road"),
    ("blvd.", "boulevard"),
    ("ln.", "lane"),
    ("ct.", "court"),
    ("sq.", "square"),
    ("hwy.", "highway"),
    ("pkwy.", "parkway"),
    ("mt.", "mount"),
    ("ft.", "feet"),
    ("apt.", "apartment"),
    ("ste.", "suite"),
    ("rm.", "room"),
    ("bldg.", "building"),
    ("fl.", "floor"),
    ("appt.", "appointment"),
    ("dept.", "department"),
    ("approx.", "approximately"),
    ("etc.", "et cetera"),
    ("etc", "et cetera"),
    ("e.g.", "for example"),
    ("e.g", "for example"),
    ("i.e.", "that is"),
    ("i.e", "that is"),
    ("vs.", "versus"),
    ("vs", "versus"),
    ("inc.", "incorporated"),
    ("ltd.", "limited"),
    ("co.", "company"),
    ("corp.", "corporation"),
    ("min.", "minutes"),
    ("mins.", "minutes"),
    ("hr.", "hour"),
    ("hrs.", "hours"),
    ("yrs.", "years"),
    ("lbs.", "pounds"),
    ("lb.", "pound"),
    ("oz.", "ounces"),
    ("tel.", "telephone"),
    ("ext.", "extension"),
    ("est.", "established"),
    ("incl.", "including"),
    ("max.", "maximum"),
    ("avg.", "average"),
    ("vol.", "volume"),
    ("w/", "with"),
    ("w/o", "without"),
    ("b/c", "because"),
    ("c/o", "care of"),
    ("n/a", "not applicable"),
    ("a/c", "air conditioning"),
    ("&", "and"),
];
/// Short forms that are also written without a stop, before a name or behind one.
const BARE: &[(&str, &str)] = &[
    ("Mr", "mister"),
    ("Mrs", "missus"),
    ("Ms", "miz"),
    ("Prof", "professor"),
    ("Ave", "avenue"),
    ("Rd", "road"),
    ("Blvd", "boulevard"),
    ("Ln", "lane"),
    ("Hwy", "highway"),
    ("Pkwy", "parkway"),
    ("Apt", "apartment"),
    ("Ste", "suite"),
    ("Bldg", "building"),
];
const STREETS: &[&str] = &[
    "Street",
    "St",
    "Avenue",
    "Ave",
    "Road",
    "Rd",
    "Lane",
    "Ln",
    "Drive",
    "Dr",
    "Boulevard",
    "Blvd",
    "Court",
    "Ct",
    "Place",
    "Pl",
    "Square",
    "Sq",
    "Way",
    "Terrace",
    "Parkway",
    "Pkwy",
    "Highway",
    "Hwy",
    "Circle",
    "Close",
    "Alley",
    "Row",
    "Crescent",
    "Broadway",
];
const SAINTS: &[&str] = &[
    "Louis",
    "James",
    "John",
    "John's",
    "Paul",
    "Paul's",
    "Petersburg",
    "Patrick",
    "Patrick's",
    "Mary",
    "Mary's",
    "Peter",
    "Peter's",
    "George",
    "Andrew",
    "Andrews",
    "Michael",
    "Francis",
    "Joseph",
    "Thomas",
    "Martin",
    "Charles",
    "Augustine",
    "Nicholas",
    "Lucia",
    "Moritz",
    "Helena",
    "Kitts",
    "Cloud",
    "Albans",
    "Ives",
    "Pancras",
    "Jude",
    "Barts",
    "Anne",
    "Catherine",
];
const STATES: &[(&str, &str)] = &[
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "D C"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];
/// Names that Roman numerals count as ordinals.
const RULERS: &[&str] = &[
    "Henry",
    "Edward",
    "George",
    "Elizabeth",
    "Louis",
    "Charles",
    "William",
    "James",
    "Richard",
    "Paul",
    "Pius",
    "Benedict",
    "Francis",
    "Napoleon",
    "Philip",
    "Alexander",
    "Nicholas",
    "Catherine",
    "Frederick",
    "Mary",
    "Leo",
    "Peter",
    "Ivan",
    "John",
    "Victoria",
    "Wilhelm",
    "Otto",
    "Gregory",
    "Innocent",
    "Clement",
    "Leopold",
    "Ramses",
    "Xerxes",
    "Juan",
    "Felipe",
];

pub(super) fn is_street(word: &str) -> bool {
    STREETS.contains(&word)
}

/// The state of the USA that two capital letters stand for.
pub(super) fn state(letters: &str) -> Option<&'static str> {
    STATES.iter().find(|(short, _)| *short == letters).map(|(_, name)| *name)
}

/// An abbreviation, title or numeral at the start of a written word.
pub(super) fn name(text: &Text<'_>, at: usize) -> Option<Said> {
    let end = text.word_end(at);
    let index = text.tokens[at].word;
    if let Some(numeral) = roman(text, at, index, end) {
        return Some(Said::new(numeral, end));
    }
    abbreviation(text, index).map(|said| Said::new(said, end))
}

/// "Dr.", "Main St.", "St. Louis", "No. 5", "IL 62704".
fn abbreviation(text: &Text<'_>, at: usize) -> Option<String> {
    let words = &text.words;
    let word = &words[at];
    let dotted = word.dotted.to_lowercase();
    let next = words.get(at + 1);
    let before = at.checked_sub(1).and_then(|before| words.get(before));
    let counts = next.is_some_and(|next| next.core.starts_with(|c: char| c.is_ascii_digit()));
    match (dotted.as_str(), word.core) {
        ("st.", _) | ("st", "St") => return street_or_saint(before, word, next),
        ("dr.", _) | ("dr", "Dr") => return Some(doctor_or_drive(words, at)),
        ("no." | "nr." | "nos.", _) | (_, "№" | "Nr") => {
            return counts.then(|| "number".to_owned());
        }
        ("n." | "s." | "e." | "w.", letter)
        | (_, letter @ ("N" | "S" | "E" | "W" | "NW" | "NE" | "SW" | "SE")) => {
            let house = before.is_some_and(|word| is_number(word.core));
            let street = before.is_some_and(|word| is_street(word.core));
            return (house || street).then(|| compass(letter)).flatten().map(str::to_owned);
        }
        ("p." | "pp.", _) if counts => return Some("page".to_owned()),
        _ => {}
    }
    let is_zip = next.is_some_and(|next| next.core.len() >= 5 && is_number(next.core));
    if is_zip && let Some(state) = state(word.core) {
        return Some(state.to_owned());
    }
    let known = ABBREVIATIONS.iter().find(|(short, _)| *short == dotted);
    if let Some((_, long)) = known {
        return Some((*long).to_owned());
    }
    let bare = BARE.iter().find(|(short, _)| *short == word.core)?;
    let named = next.is_some_and(Word::is_capitalised) || before.is_some_and(Word::is_capitalised);
    (named || counts).then(|| bare.1.to_owned())
}

fn street_or_saint(
    before: Option<&Word<'_>>,
    word: &Word<'_>,
    next: Option<&Word<'_>>,
) -> Option<String> {
    let is_dotted = word.dotted.ends_with('.');
    let follows =
        next.filter(|next| next.is_capitalised() && (is_dotted || !word.is_followed_by_pause()));
    let named = before.is_some_and(|before| {
        before.is_capitalised() && !before.is_followed_by_pause()
            || before.core.ends_with(|c: char| c.is_alphabetic())
                && before.core.starts_with(|c: char| c.is_ascii_digit())
    });
    let is_saint = follows.is_some_and(|next| SAINTS.contains(&next.core) || !named);
    (is_dotted || named || follows.is_some())
        .then(|| if is_saint { "saint" } else { "street" }.to_owned())
}

/// "Dr." behind a house number and a name is a drive.
fn doctor_or_drive(words: &[Word<'_>], at: usize) -> String {
    let before = words[..at].iter().rev().take(4);
    let names =
        before.clone().take_while(|word| word.is_capitalised() && !word.is_followed_by_pause());
    let count = names.count();
    let house = before.clone().nth(count).is_some_and(|word| is_number(word.core));
    if count > 0 && house { "drive" } else { "doctor" }.to_owned()
}

fn is_number(core: &str) -> bool {
    core.starts_with(|c: char| c.is_ascii_digit())
}

fn compass(letter: &str) -> Option<&'static str> {
    Some(match letter.trim_end_matches('.') {
        "N" => "north",
        "S" => "south",
        "E" => "east",
        "W" => "west",
        "NW" => "northwest",
        "NE" => "northeast",
        "SW" => "southwest",
        "SE" => "southeast",
        _ => return None,
    })
}

/// "Henry VIII", "Chapter IV", "World War II".
fn roman(text: &Text<'_>, at: usize, index: usize, end: usize) -> Option<String> {
    const COUNTED: [&str; 20] = [
        "Chapter", "Part", "Act", "War", "Section", "Volume", "Phase", "Type", "Level", "Class",
        "Article", "Book", "Title", "Bowl", "Stage", "Grade", "Scene", "Appendix", "Mark",
        "Apollo",
    ];
    let numeral = text.word(at)?;
    let number = roman_value(numeral)?;
    let before = index.checked_sub(1).and_then(|index| text.words.get(index))?;
    let word = &text.words[index];
    if before.is_followed_by_pause() || !before.is_capitalised() {
        return None;
    }
    if COUNTED.contains(&before.core) {
        return Some(cardinal(number));
    }
    let first_name = index.checked_sub(2).and_then(|index| text.words.get(index));
    let full_name =
        first_name.is_some_and(|word| word.is_capitalised() && !word.is_followed_by_pause());
    let is_ruler = RULERS.contains(&before.core);
    if numeral.len() == 1 {
        // "Charles I" at the end of a phrase is a king, "Charles I think" is none.
        let next = text.word(end).unwrap_or_default();
        let closes = word.is_followed_by_pause()
            || end >= text.tokens.len()
            || matches!(next, "of" | "was" | "had");
        if !is_ruler || !closes {
            return None;
        }
    }
    Some(if is_ruler || full_name { format!("the {}", ordinal(number)) } else { cardinal(number) })
}

/// The value of a Roman numeral of the letters I, V and X.
fn roman_value(text: &str) -> Option<u64> {
    const NUMERALS: [(u64, &str); 5] = [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];
    let (mut rest, mut value) = (text, 0);
    for (worth, letters) in NUMERALS {
        let mut count = 0;
        while let Some(behind) = rest.strip_prefix(letters) {
            (rest, value, count) = (behind, value + worth, count + 1);
        }
        if count > 3 || count > 1 && matches!(worth, 4 | 5 | 9) {
            return None;
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}
