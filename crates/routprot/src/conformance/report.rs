//! What a run of the suite found.

use std::fmt;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The subject did what the row asks for.
    Passed,
    /// It did not.
    Failed {
        /// What the row asks for.
        expected: String,
        /// What the subject did.
        seen: String,
    },
    /// The row does not apply to this subject, or its description lacks what the case needs: the reason.
    Skipped(String),
}

/// One case of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The row tested, such as `6.6/3` or `10.1/stop`.
    pub id: &'static str,
    /// What the row says, in a few words.
    pub title: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// Every case of a run. `Display` is a table for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The subject's name.
    pub subject: String,
    /// The cases, in order of the specification.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases
            .iter()
            .filter(|case| matches!(case.outcome, Outcome::Failed { .. }))
    }

    /// The cases that passed.
    pub fn passed(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.outcome == Outcome::Passed)
    }

    /// The cases that were skipped.
    pub fn skipped(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases
            .iter()
            .filter(|case| matches!(case.outcome, Outcome::Skipped(_)))
    }

    /// Whether no case failed.
    #[must_use]
    pub fn conforms(&self) -> bool {
        self.failed().next().is_none()
    }

    /// For tests: panics with the whole report unless the subject conforms.
    #[track_caller]
    pub fn assert_conforms(&self) {
        assert!(self.conforms(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "conformance of {}", self.subject)?;
        let width = self.cases.iter().map(|case| case.id.len()).max().unwrap_or(0);
        for case in &self.cases {
            let word = match case.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed { .. } => "FAILED",
                Outcome::Skipped(_) => "skipped",
            };
            writeln!(f, "  {:width$}  {word:7}  {}", case.id, case.title)?;
            let indent = width + 13;
            match &case.outcome {
                Outcome::Passed => {}
                Outcome::Failed { expected, seen } => {
                    writeln!(f, "{:indent$}expected {expected}", "")?;
                    writeln!(f, "{:indent$}seen     {seen}", "")?;
                }
                Outcome::Skipped(reason) => writeln!(f, "{:indent$}because {reason}", "")?,
            }
        }
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed().count(),
            self.failed().count(),
            self.skipped().count()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned() {
        let case = |id, outcome| CaseReport {
            id,
            title: "title",
            outcome,
        };
        let report = Report {
            subject: "sample".to_owned(),
            cases: vec![
                case("6.6/1", Outcome::Passed),
                case("10.1/stop", Outcome::Skipped("no reason".to_owned())),
                case(
                    "6.6/2",
                    Outcome::Failed {
                        expected: "87".to_owned(),
                        seen: "0".to_owned(),
                    },
                ),
            ],
        };
        assert!(!report.conforms());
        assert_eq!(
            report.to_string(),
            "conformance of sample\n  \
             6.6/1      passed   title\n  \
             10.1/stop  skipped  title\n                      \
             because no reason\n  \
             6.6/2      FAILED   title\n                      \
             expected 87\n                      \
             seen     0\n\
             1 passed, 1 failed, 1 skipped"
        );
    }
}
