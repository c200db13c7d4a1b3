//! Results as tables and as JSON.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// What was measured of one thing, in one unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds a duration, in milliseconds.
    pub(crate) fn add(&mut self, duration: Duration) {
        self.0.push(duration.as_secs_f64() * 1000.0);
    }

    /// Adds a number of whatever unit the row has.
    pub(crate) fn add_number(&mut self, number: f64) {
        self.0.push(number);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The middle one, or the mean of the two in the middle; not a number when there are none.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match (sorted.get(middle), sorted.len() % 2) {
            (Some(upper), 0) => f64::midpoint(sorted[middle - 1], *upper),
            (Some(value), _) => *value,
            (None, _) => f64::NAN,
        }
    }

    /// The least.
    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest.
    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// What a row must reach.
#[derive(Clone, Debug)]
struct Bar {
    text: String,
    met: bool,
}

/// One line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    samples: Samples,
    ratio: Option<(f64, String)>,
    bar: Option<Bar>,
}

impl Row {
    /// Durations.
    pub(crate) fn time(name: impl Into<String>, samples: Samples) -> Self {
        Self::new(name, "ms", samples)
    }

    /// Anything else.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, samples: Samples) -> Self {
        Self {
            name: name.into(),
            unit,
            samples,
            ratio: None,
            bar: None,
        }
    }

    /// With how many times as much as `other` it is.
    pub(crate) fn beside(mut self, other: &Samples, name: &str) -> Self {
        let ratio = self.samples.median() / other.median();
        if ratio.is_finite() {
            self.ratio = Some((ratio, name.to_owned()));
        }
        self
    }

    /// With a bar and whether it was met.
    pub(crate) fn bar(mut self, text: impl Into<String>, met: bool) -> Self {
        self.bar = Some(Bar {
            text: text.into(),
            met,
        });
        self
    }

    /// With a bar on the median.
    pub(crate) fn at_most(self, limit: f64) -> Self {
        let met = self.samples.median() <= limit;
        let text = format!("<= {} {}", number(limit), self.unit);
        self.bar(text, met)
    }

    /// With another's median as the bar.
    pub(crate) fn bar_below(self, other: &Samples, whose: &str) -> Self {
        let met = self.samples.median() <= other.median();
        let text = format!("<= {whose} {} {}", number(other.median()), self.unit);
        self.bar(text, met)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "runs": self.samples.len(),
            "median": self.samples.median(),
            "min": self.samples.min(),
            "max": self.samples.max(),
            "ratio": self.ratio.as_ref().map(|(ratio, to)| json!({ "to": to, "times": ratio })),
            "bar": self.bar.as_ref().map(|bar| json!({ "text": bar.text, "met": bar.met })),
        })
    }
}

/// The results of one benchmark.
#[derive(Debug, Default)]
pub(crate) struct Section {
    title: String,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Section {
    /// An empty one.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// What is told of a benchmark that broke.
    pub(crate) fn failed(name: &str, error: &anyhow::Error) -> Self {
        let mut section = Self::new(name);
        section.note(format!("failed: {error:#}"));
        section
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a remark.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn text(&self, name: &str) -> String {
        let mut text = format!("\n== {name}: {}\n", self.title);
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        if !self.rows.is_empty() {
            let _ = writeln!(
                text,
                "   {:width$}  {:>9}  {:>9}  {:>9}  {:4} {:>4}  {:>24}  bar",
                "", "median", "min", "max", "unit", "runs", "ratio"
            );
        }
        for row in &self.rows {
            let ratio = row
                .ratio
                .as_ref()
                .map(|(ratio, to)| format!("{} x {to}", number(*ratio)))
                .unwrap_or_default();
            let bar = row
                .bar
                .as_ref()
                .map(|bar| format!("{}: {}", bar.text, if bar.met { "met" } else { "MISSED" }))
                .unwrap_or_default();
            let line = format!(
                "   {:width$}  {:>9}  {:>9}  {:>9}  {:4} {:>4}  {ratio:>24}  {bar}",
                row.name,
                number(row.samples.median()),
                number(row.samples.min()),
                number(row.samples.max()),
                row.unit,
                row.samples.len(),
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for note in &self.notes {
            let _ = writeln!(text, "   * {note}");
        }
        text
    }
}

/// With as many decimals as the number is worth.
fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{value:.4}"),
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 100.0 => format!("{value:.2}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Every result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Vec<(&'static str, String)>,
    sections: Vec<(&'static str, Section)>,
}

impl Report {
    /// Nothing yet, on this machine.
    pub(crate) const fn new(machine: Vec<(&'static str, String)>) -> Self {
        Self {
            machine,
            sections: Vec::new(),
        }
    }

    /// Prints what machine it is.
    pub(crate) fn say_machine(&self) {
        for (what, value) in &self.machine {
            say(&format!("{what:8} {value}\n"));
        }
    }

    /// Prints and keeps a result.
    pub(crate) fn add(&mut self, name: &'static str, section: Section) {
        say(&section.text(name));
        self.sections.push((name, section));
    }

    /// Prints how many bars were met.
    pub(crate) fn say_bars(&self) {
        let bars = || {
            let rows = self
                .sections
                .iter()
                .flat_map(|(name, section)| section.rows.iter().map(move |row| (name, row)));
            rows.filter_map(|(name, row)| Some((name, row, row.bar.as_ref()?)))
        };
        let missed: Vec<_> = bars().filter(|(.., bar)| !bar.met).collect();
        say(&format!(
            "\n{} of {} bars met\n",
            bars().count() - missed.len(),
            bars().count()
        ));
        for (name, row, bar) in missed {
            say(&format!("   missed: {name}: {}: {}\n", row.name, bar.text));
        }
    }

    /// Everything, for other programs.
    pub(crate) fn json(&self) -> Value {
        let machine: serde_json::Map<String, Value> = self
            .machine
            .iter()
            .map(|(what, value)| ((*what).to_owned(), value.as_str().into()))
            .collect();
        let sections: serde_json::Map<String, Value> = self
            .sections
            .iter()
            .map(|(name, section)| {
                let rows: Vec<Value> = section.rows.iter().map(Row::json).collect();
                let value = json!({ "title": section.title, "rows": rows, "notes": section.notes });
                ((*name).to_owned(), value)
            })
            .collect();
        json!({ "machine": machine, "benchmarks": sections })
    }
}

/// Prints; a closed pipe is no error.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        Samples(values.to_vec())
    }

    #[test]
    fn medians() {
        assert!(Samples::default().median().is_nan());
        assert_eq!(samples(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(samples(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        let some = samples(&[-1.0, 5.0]);
        assert_eq!((some.min(), some.max()), (-1.0, 5.0));
    }

    #[test]
    fn a_table_is_aligned_and_says_whether_bars_are_met() {
        let disk = samples(&[2.0]);
        let mut section = Section::new("a title");
        section.row(Row::time("disk", disk.clone()));
        section.row(
            Row::time("something longer", samples(&[4.0, 5.0, 60.0]))
                .beside(&disk, "disk")
                .at_most(5.0),
        );
        section.row(Row::time("late", samples(&[6.0])).at_most(5.5));
        let text = section.text("x");
        assert!(text.contains("2.500 x disk  <= 5.000 ms: met\n"), "{text}");
        assert!(text.contains("<= 5.500 ms: MISSED\n"), "{text}");
        let column = |word: &str, line: usize| text.lines().nth(line).and_then(|line| line.find(word));
        assert_eq!(
            column("median", 2).map(|at| at + 6),
            column("2.000", 3).map(|at| at + 5)
        );
        assert_eq!(column("ms", 3), column("ms", 4));
    }
}
