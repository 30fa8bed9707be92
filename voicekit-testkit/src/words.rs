//! Comparing texts by their words, roughly as Whisper's English normaliser does.
//!
//! ```
//! use voicekit_testkit::words::{errors, words};
//!
//! let (said, heard) = (words("Ten of clubs."), words("10 of cubs"));
//! assert_eq!(errors(&said, &heard), 1);
//! ```

/// The words of `text`, in lower case, without punctuation, small numbers spelt out.
pub fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('-', " ");
    let words = text.split_whitespace().map(|word| {
        let word: String = word.chars().filter(|letter| letter.is_alphanumeric()).collect();
        spelt(&word).map_or(word, str::to_owned)
    });
    words.filter(|word| !word.is_empty()).collect()
}

fn spelt(word: &str) -> Option<&'static str> {
    const NUMBERS: [&str; 11] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    match word {
        "mr" => Some("mister"),
        _ => NUMBERS.get(word.parse::<usize>().ok()?).copied(),
    }
}

/// The fewest words to replace, drop or add to make `heard` of `said`.
pub fn errors(said: &[String], heard: &[String]) -> usize {
    let mut costs: Vec<usize> = (0..=heard.len()).collect();
    for (row, said) in said.iter().enumerate() {
        let mut diagonal = row;
        costs[0] = row + 1;
        for (column, heard) in heard.iter().enumerate() {
            let replace = diagonal + usize::from(said != heard);
            diagonal = costs[column + 1];
            costs[column + 1] = replace.min(diagonal + 1).min(costs[column] + 1);
        }
    }
    costs[heard.len()]
}
