//! Routing tables as files: lines of text, and MRT.

use waypost_dump::mrt::{Entry, HEADER, MrtError, Parser, Record, peer_table, rib};
use waypost_dump::text::{Line, LineError, parse_line};

/// A reader of lines.
pub type ParseLine = fn(&str) -> Result<Option<Line>, LineError>;

/// A reader of records: what was read of a file so far in, the first record and its length out.
pub type ReadRecord = fn(&mut Parser, &[u8]) -> Result<Option<(usize, Record)>, MrtError>;

pub(crate) fn text(octets: &[u8]) {
    text_laws(parse_line, octets);
}

pub(crate) fn mrt(octets: &[u8]) {
    mrt_laws(Parser::record, octets);
}

/// What must hold for any line.
pub fn text_laws(parse: ParseLine, octets: &[u8]) {
    let line = String::from_utf8_lossy(octets);
    if let Ok(Some(route)) = parse(&line) {
        let written = route.to_string();
        assert_eq!(
            parse(&written),
            Ok(Some(route)),
            "'{written}' means something else"
        );
    }
}

/// What must hold for any file.
pub fn mrt_laws(read: ReadRecord, octets: &[u8]) {
    let mut parser = Parser::new();
    let mut rest = octets;
    // Of an MRT file that is damaged nothing is read any more.
    while let Ok(Some((length, record))) = read(&mut parser, rest) {
        let given = rest
            .get(8..HEADER)
            .and_then(|four| four.first_chunk())
            .map_or(0, |four| u32::from_be_bytes(*four) as usize);
        assert_eq!(length, HEADER + given, "a record is not as long as it says");
        let cut = rest.get(..length - 1).unwrap_or_default();
        assert_eq!(
            read(&mut parser.clone(), cut),
            Ok(None),
            "half a record was taken"
        );
        survives(&mut parser, read, &record);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Written and read again, a record is the same but for what is not written: the system that a path ends in.
fn survives(parser: &mut Parser, read: ReadRecord, record: &Record) {
    let (octets, comparable) = match record {
        Record::Peers(peers) => (
            peer_table(0, [192, 0, 2, 1].into(), peers),
            Record::Peers(peers.clone()),
        ),
        Record::Rib {
            prefix,
            announcements,
        } => {
            let entries: Vec<Entry> = announcements
                .iter()
                .map(|announcement| Entry {
                    peer: announcement.peer,
                    received: announcement.received,
                    path_id: announcement.path_id,
                    next_hop: announcement.next_hop,
                    metric: announcement.metric,
                })
                .collect();
            let mut announcements = announcements.clone();
            announcements.iter_mut().for_each(|one| one.origin = None);
            let record = Record::Rib {
                prefix: *prefix,
                announcements,
            };
            (rib(0, 0, *prefix, &entries), record)
        }
        Record::Other(..) => return,
    };
    let again = read(parser, &octets);
    assert_eq!(
        again,
        Ok(Some((octets.len(), comparable))),
        "a record does not survive"
    );
}
