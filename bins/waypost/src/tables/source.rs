//! The routes of a file: text or MRT, packed or not, as the lines that the daemon takes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use waypost_dump::mrt::{HEADER, MAX_RECORD, Parser, Record};
use waypost_dump::text::{Hop, Line, MAX_LINE};
use waypost_routprot::Refusal;
use waypost_types::{Prefix, RouteKind};

use crate::fault::Fault;
use crate::files;

/// How packed files begin.
const GZIP: [u8; 2] = [0x1F, 0x8B];
const BZIP2: [u8; 3] = *b"BZh";

/// Counts what is read of a file, so that progress is of the file and not of what is in it.
struct Counted {
    inner: Box<dyn Read>,
    count: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

enum Form {
    /// With how many lines there were.
    Text(u64),
    Mrt(Parser, Vec<u8>),
}

pub(super) struct Source {
    file: PathBuf,
    reader: Box<dyn BufRead>,
    form: Form,
    size: Option<u64>,
    count: Rc<Cell<u64>>,
    /// Where routes lead instead, by family; and which next hop of the file has which of them.
    via: [Vec<IpAddr>; 2],
    mapped: [BTreeMap<IpAddr, usize>; 2],
    /// Lines of the file that the lines given last came from.
    numbers: Vec<u64>,
}

impl Source {
    pub(super) fn open(file: &Path, via: Vec<IpAddr>) -> Result<Self, Fault> {
        let (inner, size) = files::open(file)?;
        let count = Rc::new(Cell::new(0));
        let counted = Counted {
            inner,
            count: count.clone(),
        };
        let failed = |error: io::Error| Fault::file(file, &error);
        let mut packed = BufReader::with_capacity(1 << 16, counted);
        let start = packed.fill_buf().map_err(failed)?;
        let mut reader: Box<dyn BufRead> = if start.starts_with(&GZIP) {
            Box::new(BufReader::new(MultiGzDecoder::new(packed)))
        } else if start.starts_with(&BZIP2) {
            Box::new(BufReader::new(MultiBzDecoder::new(packed)))
        } else {
            Box::new(packed)
        };
        // Text has no octet 0, and the header of a record always has one: its type is a small number.
        let is_mrt = reader
            .fill_buf()
            .map_err(failed)?
            .iter()
            .take(HEADER)
            .any(|octet| *octet == 0);
        let (v6, v4) = via.into_iter().partition(IpAddr::is_ipv6);
        Ok(Self {
            file: file.to_owned(),
            reader,
            form: if is_mrt {
                Form::Mrt(Parser::new(), Vec::new())
            } else {
                Form::Text(0)
            },
            size,
            count,
            via: [v4, v6],
            mapped: [BTreeMap::new(), BTreeMap::new()],
            numbers: Vec::new(),
        })
    }

    /// Octets of the file.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Octets read of it.
    pub(super) fn consumed(&self) -> u64 {
        self.count.get()
    }

    /// The next lines, up to `most`; none at the end.
    pub(super) fn lines(&mut self, most: usize) -> Result<Vec<String>, Fault> {
        let mut lines = Vec::with_capacity(most);
        self.numbers.clear();
        while lines.len() < most {
            let line = match &mut self.form {
                Form::Text(_) => self.text_line()?,
                Form::Mrt(..) => self.mrt_line()?,
            };
            match line {
                Some(line) => lines.push(line),
                None => break,
            }
        }
        Ok(lines)
    }

    /// The next line with a route on it.
    fn text_line(&mut self) -> Result<Option<String>, Fault> {
        loop {
            let mut octets = Vec::new();
            let most = MAX_LINE as u64 + 2;
            let read = self.reader.by_ref().take(most).read_until(b'\n', &mut octets);
            read.map_err(|error| Fault::file(&self.file, &error))?;
            if octets.is_empty() {
                return Ok(None);
            }
            let Form::Text(number) = &mut self.form else {
                return Ok(None);
            };
            *number += 1;
            let number = *number;
            let wrong = |reason: String| {
                Fault::Usage(format!("{}: line {number}: {reason}", files::name(&self.file)))
            };
            let text = String::from_utf8(octets).map_err(|_| wrong("not UTF-8 text".to_owned()))?;
            // What is wrong is said here, where the line's number is known.
            let parsed = waypost_dump::text::parse_line(text.trim_end_matches(['\n', '\r']))
                .map_err(|error| wrong(error.to_string()))?;
            if let Some(mut line) = parsed {
                for hop in &mut line.hops {
                    if let Some(gateway) = hop.gateway
                        && let Some(instead) = instead(&self.via, &mut self.mapped, line.prefix, gateway)
                    {
                        *hop = Hop {
                            gateway: Some(instead),
                            device: None,
                            ..hop.clone()
                        };
                    }
                }
                self.numbers.push(number);
                return Ok(Some(line.to_string()));
            }
        }
    }

    /// The next prefix that somebody announced with a next hop.
    fn mrt_line(&mut self) -> Result<Option<String>, Fault> {
        loop {
            let Some(record) = self.record()? else {
                return Ok(None);
            };
            let Record::Rib {
                prefix,
                announcements,
            } = record
            else {
                continue;
            };
            let v6 = matches!(prefix, Prefix::V6(_));
            let first = announcements.iter().find_map(|announcement| {
                let next_hop = announcement
                    .next_hop
                    .filter(|next_hop| next_hop.is_ipv6() == v6)?;
                Some((next_hop, announcement.metric))
            });
            if let Some((next_hop, metric)) = first {
                let gateway = instead(&self.via, &mut self.mapped, prefix, next_hop).unwrap_or(next_hop);
                let line = Line {
                    prefix,
                    kind: RouteKind::Unicast,
                    hops: vec![Hop {
                        gateway: Some(gateway),
                        ..Hop::default()
                    }],
                    // The highest means none in RRAS's rows.
                    metric: metric.map(|metric| metric.min(u32::MAX - 1)),
                    tag: None,
                };
                return Ok(Some(line.to_string()));
            }
        }
    }

    fn record(&mut self) -> Result<Option<Record>, Fault> {
        let Form::Mrt(parser, buffer) = &mut self.form else {
            return Ok(None);
        };
        let name = files::name(&self.file).into_owned();
        loop {
            let parsed = parser
                .record(buffer)
                .map_err(|error| Fault::Usage(format!("{name}: {error}")))?;
            if let Some((length, record)) = parsed {
                buffer.drain(..length);
                return Ok(Some(record));
            }
            // As much as is missing of a record that says how long it is, and no more than one may be.
            let wanted = match buffer.get(HEADER - 4..HEADER) {
                Some(&[a, b, c, d]) => HEADER + u32::from_be_bytes([a, b, c, d]) as usize,
                _ => HEADER,
            };
            let missing = wanted.min(HEADER + MAX_RECORD) - buffer.len();
            let read = self.reader.by_ref().take(missing as u64).read_to_end(buffer);
            if read.map_err(|error| Fault::file(&self.file, &error))? < missing {
                return match buffer.is_empty() {
                    true => Ok(None),
                    false => Err(Fault::Usage(format!("{name}: the file ends inside a record"))),
                };
            }
        }
    }

    /// Refusals of the daemon, which count the lines they were sent, with the lines of the file.
    pub(super) fn in_file(&self, fault: Fault) -> Fault {
        let Fault::Refused(refusals) = fault else {
            return fault;
        };
        let name = files::name(&self.file);
        let place = |refusal: Refusal| {
            let sent = refusal
                .path
                .strip_prefix("lines.")
                .and_then(|number| number.parse().ok());
            let line = sent.and_then(|number: usize| self.numbers.get(number));
            match line {
                Some(line) => refusal.at(&format!("{name}: line {line}")),
                None => refusal,
            }
        };
        Fault::Refused(refusals.into_iter().map(place).collect())
    }
}

/// Which of the given addresses stands for a next hop: the first one seen has the first, and so on round and round.
fn instead(
    via: &[Vec<IpAddr>; 2],
    mapped: &mut [BTreeMap<IpAddr, usize>; 2],
    prefix: Prefix,
    next_hop: IpAddr,
) -> Option<IpAddr> {
    let family = usize::from(matches!(prefix, Prefix::V6(_)));
    let given = via.get(family).filter(|given| !given.is_empty())?;
    let known = mapped.get_mut(family)?;
    let next = known.len() % given.len();
    let place = *known.entry(next_hop).or_insert(next);
    given.get(place).copied()
}
