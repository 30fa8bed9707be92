//! Selects tools by name.

/// Names and globs of tools: `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
}

impl Filter {
    /// Whether the tool is offered: it is included, if anything is, and not excluded.
    pub(super) fn takes(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }

    /// The patterns that match none of `names`, such as misspelled ones.
    pub(super) fn idle<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a str> {
        let all = self.include.iter().chain(&self.exclude);
        let idle = all.filter(|pattern| !names.iter().any(|name| matches(pattern, name)));
        idle.map(String::as_str)
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star is, and how much of the name it stands for.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
