//! Tables without lines: headers, two columns of space between, numbers to the right.

use std::collections::BTreeMap;

use crate::sheet::{Ink, Sheet, printable, wrap};

/// Space between two columns.
const GUTTER: usize = 2;
/// How far remarks stand to the right.
const NOTE: usize = 6;
/// What a column that wraps keeps at least.
const LEAST: usize = 12;

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    header: String,
    right: bool,
    wraps: bool,
    /// Left out when it is empty in every row.
    optional: bool,
    /// How soon it is left out of a table that does not fit the screen: the highest goes first, 0 never.
    spare: u8,
}

impl Column {
    /// Text.
    pub(crate) fn text(header: impl Into<String>) -> Self {
        Self {
            header: printable(&header.into()),
            right: false,
            wraps: false,
            optional: false,
            spare: 0,
        }
    }

    /// A number, to the right.
    pub(crate) fn number(header: impl Into<String>) -> Self {
        Self {
            right: true,
            ..Self::text(header)
        }
    }

    /// Text that wraps when the screen is narrow.
    pub(crate) fn wrapped(header: impl Into<String>) -> Self {
        Self {
            wraps: true,
            ..Self::text(header)
        }
    }

    /// Left out of a table that does not fit the screen, the highest number first.
    pub(crate) const fn spare(mut self, spare: u8) -> Self {
        self.spare = spare;
        self
    }

    /// Left out when it is empty in every row.
    pub(crate) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// One field: a line, or several for a list that reads better that way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    lines: Vec<String>,
    ink: Ink,
}

impl Cell {
    /// Several lines.
    pub(crate) fn lines(lines: impl IntoIterator<Item = String>) -> Self {
        let lines = lines.into_iter().map(|line| printable(&line)).collect();
        Self {
            lines,
            ink: Ink::Plain,
        }
    }

    /// In a colour.
    pub(crate) const fn ink(mut self, ink: Ink) -> Self {
        self.ink = ink;
        self
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.width() == 0
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| columns(line)).max().unwrap_or(0)
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self {
            lines: vec![printable(&value.to_string())],
            ink: Ink::Plain,
        }
    }
}

/// A paragraph, wrapped, all its lines moved to the right.
pub(crate) fn item(sheet: &Sheet, indent: usize, text: impl Into<Cell>) -> String {
    let mut table = Table::plain(indent, [Column::wrapped("")]);
    table.row([text.into()]);
    table.render(sheet)
}

/// A line that fits as it is, with the blanks it begins with, or else wrapped.
fn fitted(line: &str, width: usize) -> Vec<String> {
    if columns(line) <= width {
        vec![line.to_owned()]
    } else {
        wrap(line, width)
    }
}

/// An address, with its prefix length or without.
fn is_address(word: &str) -> bool {
    let (address, _) = word.split_once('/').unwrap_or((word, ""));
    address.parse::<std::net::IpAddr>().is_ok()
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Rows under headers.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Lines under a row, by its number.
    notes: BTreeMap<usize, Cell>,
    indent: usize,
    gutter: usize,
    headless: bool,
}

impl Table {
    /// A table of these columns.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
            notes: BTreeMap::new(),
            indent: 0,
            gutter: GUTTER,
            headless: false,
        }
    }

    /// A table without headers, `indent` columns from the left.
    pub(crate) fn plain(indent: usize, columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            indent,
            headless: true,
            ..Self::new(columns)
        }
    }

    /// Moved to the right.
    pub(crate) const fn indented(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// With another space between columns.
    pub(crate) const fn gutter(mut self, gutter: usize) -> Self {
        self.gutter = gutter;
        self
    }

    /// Adds a column; only before the first row.
    pub(crate) fn column(&mut self, column: Column) {
        self.columns.push(column);
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a remark under the row added last, as wide as the screen.
    pub(crate) fn note(&mut self, note: Cell) {
        if let Some(last) = self.rows.len().checked_sub(1).filter(|_| !note.is_empty()) {
            self.notes.insert(last, note);
        }
    }

    /// The table as text, each line ended.
    pub(crate) fn render(mut self, sheet: &Sheet) -> String {
        let empty =
            |rows: &[Vec<Cell>], n: usize| rows.iter().all(|r| r.get(n).is_none_or(|c| c.width() == 0));
        for n in (0..self.columns.len()).rev() {
            if self.columns.get(n).is_some_and(|column| column.optional) && empty(&self.rows, n) {
                self.leave_out(n);
            }
        }
        let mut widths = self.widths(sheet, true);
        while self.exceeds(sheet, &widths) {
            match self.to_spare() {
                Some(n) => {
                    self.leave_out(n);
                    widths = self.widths(sheet, true);
                }
                // Nothing else is left: better broken between their groups than by the terminal.
                None => {
                    widths = self.widths(sheet, false);
                    break;
                }
            }
        }
        let mut text = String::new();
        if !self.headless {
            let header = self
                .columns
                .iter()
                .map(|column| Cell::from(&column.header).ink(Ink::Bold));
            self.line(sheet, &widths, &header.collect::<Vec<_>>(), &mut text);
        }
        for (number, row) in self.rows.iter().enumerate() {
            self.line(sheet, &widths, row, &mut text);
            if let Some(note) = self.notes.get(&number) {
                let mut table = Self::plain(self.indent + NOTE, [Column::wrapped("")]);
                table.row([note.clone()]);
                text.push_str(&table.render(sheet));
            }
        }
        text
    }

    fn leave_out(&mut self, n: usize) {
        self.columns.remove(n);
        for row in self.rows.iter_mut().filter(|row| row.len() > n) {
            row.remove(n);
        }
    }

    /// Whether the table is wider than the screen.
    fn exceeds(&self, sheet: &Sheet, widths: &[usize]) -> bool {
        let gutters = self.gutter * widths.len().saturating_sub(1) + self.indent;
        sheet
            .width
            .is_some_and(|screen| widths.iter().sum::<usize>() + gutters > screen)
    }

    /// The column to leave out next.
    fn to_spare(&self) -> Option<usize> {
        let spare = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.spare > 0);
        spare.max_by_key(|(_, column)| column.spare).map(|(n, _)| n)
    }

    /// What a column that wraps keeps: addresses are not broken.
    fn least(&self, n: usize) -> usize {
        let lines = self
            .rows
            .iter()
            .filter_map(|row| row.get(n))
            .flat_map(|cell| &cell.lines);
        let addresses = lines
            .flat_map(|line| line.split(' '))
            .filter(|word| is_address(word));
        addresses.map(columns).max().unwrap_or(0).max(LEAST)
    }

    /// The width of each column: what its cells want, less what the screen lacks, taken from the widest that wraps.
    fn widths(&self, sheet: &Sheet, whole_addresses: bool) -> Vec<usize> {
        let natural = |(n, column): (usize, &Column)| {
            let header = if self.headless { 0 } else { columns(&column.header) };
            let cells = self.rows.iter().filter_map(|row| row.get(n)).map(Cell::width);
            cells.max().unwrap_or(0).max(header)
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(natural).collect();
        let Some(screen) = sheet.width else {
            return widths;
        };
        let least: Vec<usize> = (0..widths.len())
            .map(|n| if whole_addresses { self.least(n) } else { LEAST })
            .collect();
        let gutters = self.gutter * widths.len().saturating_sub(1) + self.indent;
        let mut excess = (widths.iter().sum::<usize>() + gutters).saturating_sub(screen);
        while excess > 0 {
            let wraps = widths
                .iter_mut()
                .zip(self.columns.iter().zip(&least))
                .filter(|(width, (column, least))| column.wraps && **width > **least);
            let Some((widest, _)) = wraps.max_by_key(|(width, _)| **width) else {
                break;
            };
            *widest -= 1;
            excess -= 1;
        }
        widths
    }

    fn line(&self, sheet: &Sheet, widths: &[usize], row: &[Cell], text: &mut String) {
        let wrapped: Vec<Vec<String>> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| cell.lines.iter().flat_map(|line| fitted(line, *width)).collect())
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for n in 0..height {
            let mut line = " ".repeat(self.indent);
            // Spaces are only written once something follows them: no line ends in blanks.
            let mut gap = 0;
            for (((cell, lines), width), column) in row.iter().zip(&wrapped).zip(widths).zip(&self.columns) {
                let part = lines.get(n).map_or("", String::as_str);
                let blank = width.saturating_sub(columns(part));
                if column.right {
                    gap += blank;
                }
                if !part.is_empty() {
                    line.extend(std::iter::repeat_n(' ', gap));
                    line.push_str(&sheet.ink(cell.ink, part));
                    gap = 0;
                }
                if !column.right {
                    gap += blank;
                }
                gap += self.gutter;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn sheet(width: Option<usize>) -> Sheet {
        Sheet {
            width,
            color: false,
            zone: TimeZone::UTC,
        }
    }

    fn table() -> Table {
        let mut table = Table::new([
            Column::text("NAME"),
            Column::number("MTU"),
            Column::wrapped("ADDRESSES"),
            Column::text("X").optional(),
        ]);
        table.row([
            "eth0".into(),
            1500.into(),
            "192.0.2.1/24 2001:db8::1/64".into(),
            "".into(),
        ]);
        table.row([
            "lo".into(),
            "".into(),
            Cell::lines(["a".to_owned(), "b".to_owned()]),
            "".into(),
        ]);
        table
    }

    #[test]
    fn aligns() {
        let expected = "\
NAME   MTU  ADDRESSES
eth0  1500  192.0.2.1/24 2001:db8::1/64
lo          a
            b
";
        assert_eq!(table().render(&sheet(None)), expected);
    }

    #[test]
    fn remarks_stand_under_their_row() {
        let mut table = Table::new([Column::text("A"), Column::text("B")]);
        table.note("nowhere to stand".into());
        table.row(["1".into(), "2".into()]);
        table.note("".into());
        table.row(["3".into(), "4".into()]);
        table.note("a longer remark".into());
        table.row(["5".into(), "6".into()]);
        let expected = "A  B\n1  2\n3  4\n      a longer\n      remark\n5  6\n";
        assert_eq!(table.render(&sheet(Some(16))), expected);
    }

    #[test]
    fn wraps_what_may_wrap() {
        let expected = "\
NAME   MTU  ADDRESSES
eth0  1500  192.0.2.1/24
            2001:db8::1/64
lo          a
            b
";
        assert_eq!(table().render(&sheet(Some(30))), expected);
    }

    #[test]
    fn columns_to_spare_go_first_and_addresses_stay_whole() {
        let mut table = Table::new([
            Column::text("A").spare(1),
            Column::wrapped("ADDRESS"),
            Column::text("B").spare(2),
        ]);
        table.row([
            "11111".into(),
            "2001:db8:1234::5678/64 via x".into(),
            "22222".into(),
        ]);
        let at = |width| table.clone().render(&sheet(Some(width)));
        let line = |text: String| text.lines().nth(1).unwrap_or_default().to_owned();
        assert_eq!(line(at(42)), "11111  2001:db8:1234::5678/64 via x  22222");
        assert_eq!(line(at(40)), "11111  2001:db8:1234::5678/64 via  22222");
        assert_eq!(line(at(35)), "11111  2001:db8:1234::5678/64 via x");
        assert_eq!(line(at(28)), "2001:db8:1234::5678/64 via x");
        assert_eq!(line(at(10)), "2001:db8:");
    }

    #[test]
    fn colours_do_not_shift_columns() {
        let coloured = Sheet {
            color: true,
            ..sheet(None)
        };
        let mut table = Table::plain(2, [Column::text(""), Column::text("")]);
        table.row([Cell::from("up").ink(Ink::Good), "x".into()]);
        table.row([Cell::from("down").ink(Ink::Bad), "y".into()]);
        assert_eq!(
            table.render(&coloured),
            "  \x1b[32mup\x1b[0m    x\n  \x1b[31mdown\x1b[0m  y\n"
        );
    }
}
