//! What text is written on: how wide it is, whether it has colours, and which clock it tells dates by.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ink {
    /// As it comes.
    #[default]
    Plain,
    /// A heading.
    Bold,
    /// Of less interest.
    Faint,
    /// All is well.
    Good,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Bad,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// Width, colours and clock.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// Columns; `None` never wraps, which is what a pipe gets.
    pub(crate) width: Option<usize>,
    /// Whether colours are used.
    pub(crate) color: bool,
    /// The zone dates are told in.
    pub(crate) zone: TimeZone,
}

impl Sheet {
    /// Text in a colour, if there are colours. What comes from outside must have gone through [`printable`].
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        if self.color && ink != Ink::Plain && !text.is_empty() {
            format!("{}{text}\x1b[0m", ink.code())
        } else {
            text.to_owned()
        }
    }

    /// A date, from seconds since 1970-01-01 UTC.
    pub(crate) fn date(&self, seconds: u64) -> String {
        let time = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok());
        time.map_or_else(
            || seconds.to_string(),
            |time| {
                time.to_zoned(self.zone.clone())
                    .strftime("%Y-%m-%d %H:%M:%S %Z")
                    .to_string()
            },
        )
    }
}

/// Text without control characters: notes and names come from others and must not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Breaks text into lines of at most `width` columns, between words where it can.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let space = usize::from(used > 0);
        if used + space + word.len() <= width {
            line.extend(std::iter::repeat_n(' ', space));
            used += space + word.len();
            line.extend(word);
            continue;
        }
        if used > 0 {
            lines.push(std::mem::take(&mut line));
        }
        while word.len() > width {
            // Addresses are cut between their groups.
            let cut = word
                .iter()
                .take(width)
                .rposition(|c| ":/".contains(*c))
                .map_or(width, |at| at + 1);
            let rest = word.split_off(cut);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        used = word.len();
        line.extend(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb c");
    }

    #[test]
    fn wraps_between_words_and_cuts_only_long_ones() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("2001:db8::1", 7), ["2001:", "db8::1"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("ab cd", 0), ["a", "b", "c", "d"]);
    }

    #[test]
    fn colours_only_when_wanted() {
        let mut sheet = Sheet {
            width: None,
            color: false,
            zone: TimeZone::UTC,
        };
        assert_eq!(sheet.ink(Ink::Bad, "x"), "x");
        sheet.color = true;
        assert_eq!(sheet.ink(Ink::Bad, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(sheet.ink(Ink::Plain, "x"), "x");
    }

    #[test]
    fn dates() {
        let sheet = Sheet {
            width: None,
            color: false,
            zone: TimeZone::UTC,
        };
        assert_eq!(sheet.date(1_767_225_600), "2026-01-01 00:00:00 UTC");
        assert_eq!(sheet.date(u64::MAX), u64::MAX.to_string());
    }
}
