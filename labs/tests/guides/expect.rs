//! Whether what a command printed is what a guide says it prints.

/// Every line said must come in this order and nothing between, except where a line `...` stands for any number of others. In a
/// line any number of blanks is as good as one, and `…` in a word stands for whatever it is.
pub(crate) fn matches(said: &[String], printed: &str) -> bool {
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let said: Vec<&str> = said.iter().map(|line| line.trim_end()).collect();
    lines(&said, &printed)
}

fn lines(said: &[&str], printed: &[&str]) -> bool {
    match said.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|skipped| lines(rest, &printed[skipped..])),
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| is_line(first, line) && lines(rest, others)),
    }
}

fn is_line(said: &str, printed: &str) -> bool {
    let (said, printed): (Vec<_>, Vec<_>) = (
        said.split_whitespace().collect(),
        printed.split_whitespace().collect(),
    );
    said.len() == printed.len()
        && said
            .iter()
            .zip(&printed)
            .all(|(said, printed)| is_word(said, printed))
}

fn is_word(said: &str, printed: &str) -> bool {
    let Some((before, after)) = said.split_once('…') else {
        return said == printed;
    };
    printed.len() >= before.len() + after.len() && printed.starts_with(before) && printed.ends_with(after)
}

#[test]
fn what_is_not_said_is_told_apart() {
    let said = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(matches(&said(&["a  b", "...", "c"]), "a b\nx\ny\nc\n"));
    assert!(matches(&said(&["a", "..."]), "a\n"));
    assert!(matches(&said(&["at …s, 5…"]), "at 12s, 5.3ms\n"));
    assert!(!matches(&said(&["a"]), "a\nb\n"));
    assert!(!matches(&said(&["a", "b"]), "a\n"));
    assert!(!matches(&said(&["a …"]), "a\n"));
    assert!(!matches(&said(&["...", "b"]), "a\nb c\n"));
}
