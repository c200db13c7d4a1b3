//! What stands in the rows of the store: blocks, revisions, lists of changes. Integers are little-endian.

use std::collections::BTreeMap;

use waypost_routprot::InfoBlock;
use waypost_types::WallTime;
use waypost_wire::{ReadError, Reader, Writer};

use crate::{BlockKey, Change, KeyError};

/// Who asked for a revision, when and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// When it was asked for.
    pub time: WallTime,
    /// Who asked, such as `alice@cli`.
    pub author: String,
    /// Why, in the author's words; may be empty.
    pub note: String,
    /// The earlier revision this one returns to, if it is a roll-back.
    pub rollback_of: Option<u64>,
}

/// A revision: its number and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionMeta {
    /// From 1 upwards. A number is never given out twice, so an abandoned candidate leaves a gap.
    pub number: u64,
    /// When it was asked for.
    pub time: WallTime,
    /// Who asked.
    pub author: String,
    /// Why; may be empty.
    pub note: String,
    /// The earlier revision this one returned to, if it is a roll-back.
    pub rollback_of: Option<u64>,
}

/// A configuration in force on trial: unless somebody keeps it, the router returns to what was in force before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The revision to return to; none when nothing was configured before.
    pub back_to: Option<u64>,
    /// When the trial was begun, or last prolonged.
    pub begun: WallTime,
    /// When it is over.
    pub until: WallTime,
}

/// What a confirm does to the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialChange {
    /// Nothing: one that goes on goes on.
    None,
    /// From now on this one is on.
    Begin(Trial),
    /// No trial is on any more.
    End,
}

impl TrialChange {
    /// The trial after this change, if `trial` is the one before.
    pub(crate) const fn applied_to(self, trial: Option<Trial>) -> Option<Trial> {
        match self {
            Self::None => trial,
            Self::Begin(trial) => Some(trial),
            Self::End => None,
        }
    }
}

impl RevisionMeta {
    /// The revision `number` of this origin.
    #[must_use]
    pub fn new(number: u64, origin: Origin) -> Self {
        let Origin {
            time,
            author,
            note,
            rollback_of,
        } = origin;
        Self {
            number,
            time,
            author,
            note,
            rollback_of,
        }
    }
}

/// A row that does not hold what its table should hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("a record ends early: {0}")]
    Short(#[from] ReadError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("a record has an unknown tag {0}")]
    Tag(u8),
    #[error("a record holds text that is not UTF-8")]
    Text,
    #[error("a record is longer than what it holds")]
    Long,
}

/// What becomes of each key: its new block, or none. A map, so that a key changes once in a revision.
pub(crate) type Changes = BTreeMap<BlockKey, Option<InfoBlock>>;

/// About what a change takes, so that most lists of them are written into one piece of memory.
const CHANGE_OCTETS: usize = 160;

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Version, structure size and structure count stand before a block's bytes.
const BLOCK_HEAD: usize = 12;

fn block_size(block: &InfoBlock) -> usize {
    BLOCK_HEAD + block.bytes.len()
}

fn put_block(writer: &mut Writer, block: &InfoBlock) {
    writer
        .u32_le(block.version)
        .u32_le(block.structure_size)
        .u32_le(block.structure_count)
        .slice(&block.bytes);
}

pub(crate) fn block_octets(block: &InfoBlock) -> Vec<u8> {
    let mut writer = Writer::with_capacity(block_size(block));
    put_block(&mut writer, block);
    writer.finish()
}

pub(crate) fn read_block(octets: &[u8]) -> Result<InfoBlock, RecordError> {
    let mut reader = Reader::new(octets);
    Ok(InfoBlock {
        version: reader.u32_le()?,
        structure_size: reader.u32_le()?,
        structure_count: reader.u32_le()?,
        bytes: reader.take_rest().to_vec(),
    })
}

fn put_sized(writer: &mut Writer, octets: &[u8]) {
    writer.u64_le(octets.len() as u64).slice(octets);
}

fn take_sized<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], RecordError> {
    let count = usize::try_from(reader.u64_le()?).unwrap_or(usize::MAX);
    Ok(reader.take(count)?)
}

fn take_text(reader: &mut Reader<'_>) -> Result<String, RecordError> {
    String::from_utf8(take_sized(reader)?.to_vec()).map_err(|_| RecordError::Text)
}

fn put_meta(writer: &mut Writer, meta: &RevisionMeta) {
    writer.u64_le(meta.number).u64_le(meta.time.0);
    put_sized(writer, meta.author.as_bytes());
    put_sized(writer, meta.note.as_bytes());
    match meta.rollback_of {
        None => writer.u8(ABSENT),
        Some(number) => writer.u8(PRESENT).u64_le(number),
    };
}

fn take_meta(reader: &mut Reader<'_>) -> Result<RevisionMeta, RecordError> {
    Ok(RevisionMeta {
        number: reader.u64_le()?,
        time: WallTime(reader.u64_le()?),
        author: take_text(reader)?,
        note: take_text(reader)?,
        rollback_of: match reader.u8()? {
            ABSENT => None,
            PRESENT => Some(reader.u64_le()?),
            tag => return Err(RecordError::Tag(tag)),
        },
    })
}

fn at_end(reader: &mut Reader<'_>) -> Result<(), RecordError> {
    if reader.take_rest().is_empty() {
        Ok(())
    } else {
        Err(RecordError::Long)
    }
}

pub(crate) fn meta_octets(meta: &RevisionMeta) -> Vec<u8> {
    let mut writer = Writer::with_capacity(64);
    put_meta(&mut writer, meta);
    writer.finish()
}

pub(crate) fn read_meta(octets: &[u8]) -> Result<RevisionMeta, RecordError> {
    let mut reader = Reader::new(octets);
    let meta = take_meta(&mut reader)?;
    at_end(&mut reader)?;
    Ok(meta)
}

pub(crate) fn trial_octets(trial: &Trial) -> Vec<u8> {
    let mut writer = Writer::with_capacity(32);
    writer.u64_le(trial.begun.0).u64_le(trial.until.0);
    match trial.back_to {
        None => writer.u8(ABSENT),
        Some(number) => writer.u8(PRESENT).u64_le(number),
    };
    writer.finish()
}

pub(crate) fn read_trial(octets: &[u8]) -> Result<Trial, RecordError> {
    let mut reader = Reader::new(octets);
    let trial = Trial {
        begun: WallTime(reader.u64_le()?),
        until: WallTime(reader.u64_le()?),
        back_to: match reader.u8()? {
            ABSENT => None,
            PRESENT => Some(reader.u64_le()?),
            tag => return Err(RecordError::Tag(tag)),
        },
    };
    at_end(&mut reader)?;
    Ok(trial)
}

/// A change to be written: its key, and the block that the key gets.
pub(crate) type ChangeRef<'a> = (&'a BlockKey, Option<&'a InfoBlock>);

fn put_changes<'a>(writer: &mut Writer, changes: impl IntoIterator<Item = ChangeRef<'a>>) {
    for (key, block) in changes {
        put_sized(writer, &key.to_octets());
        match block {
            None => {
                writer.u8(ABSENT);
            }
            Some(block) => {
                writer.u8(PRESENT).u64_le(block_size(block) as u64);
                put_block(writer, block);
            }
        }
    }
}

fn take_changes(reader: &mut Reader<'_>) -> Result<Changes, RecordError> {
    let mut changes = Changes::new();
    let mut rest = Reader::new(reader.take_rest());
    while !rest.is_empty() {
        let key = BlockKey::from_octets(take_sized(&mut rest)?)?;
        let block = match rest.u8()? {
            ABSENT => None,
            PRESENT => Some(read_block(take_sized(&mut rest)?)?),
            tag => return Err(RecordError::Tag(tag)),
        };
        changes.insert(key, block);
    }
    Ok(changes)
}

pub(crate) fn changes_octets<'a>(count: usize, changes: impl IntoIterator<Item = ChangeRef<'a>>) -> Vec<u8> {
    let mut writer = Writer::with_capacity(count * CHANGE_OCTETS);
    put_changes(&mut writer, changes);
    writer.finish()
}

pub(crate) fn read_changes(octets: &[u8]) -> Result<Changes, RecordError> {
    take_changes(&mut Reader::new(octets))
}

/// A candidate: its origin, then what it changes.
pub(crate) fn candidate_octets(meta: &RevisionMeta, changes: &[Change]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(64 + changes.len() * CHANGE_OCTETS);
    put_meta(&mut writer, meta);
    put_changes(
        &mut writer,
        changes.iter().map(|(key, block)| (key, block.as_ref())),
    );
    writer.finish()
}

pub(crate) fn read_candidate(octets: &[u8]) -> Result<(RevisionMeta, Changes), RecordError> {
    let mut reader = Reader::new(octets);
    Ok((take_meta(&mut reader)?, take_changes(&mut reader)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waypost_types::ProtocolId;

    use super::*;

    fn any_block() -> impl Strategy<Value = InfoBlock> {
        (
            any::<u32>(),
            any::<u32>(),
            any::<u32>(),
            prop::collection::vec(any::<u8>(), 0..20),
        )
            .prop_map(|(version, structure_size, structure_count, bytes)| InfoBlock {
                version,
                structure_size,
                structure_count,
                bytes,
            })
    }

    fn any_changes() -> impl Strategy<Value = Changes> {
        prop::collection::btree_map(
            ("[a-c]{0,3}", 0..3_u32).prop_map(|(name, kind)| BlockKey::interface(name, ProtocolId(kind))),
            prop::option::of(any_block()),
            0..6,
        )
    }

    fn any_meta() -> impl Strategy<Value = RevisionMeta> {
        (
            any::<u64>(),
            any::<u64>(),
            ".{0,8}",
            ".{0,8}",
            any::<Option<u64>>(),
        )
            .prop_map(|(number, time, author, note, rollback_of)| RevisionMeta {
                number,
                time: WallTime(time),
                author,
                note,
                rollback_of,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(meta in any_meta(), changes in any_changes(), block in any_block()) {
            prop_assert_eq!(&read_meta(&meta_octets(&meta)).unwrap(), &meta);
            let given = changes.iter().map(|(key, block)| (key, block.as_ref()));
            prop_assert_eq!(&read_changes(&changes_octets(changes.len(), given)).unwrap(), &changes);
            prop_assert_eq!(&read_block(&block_octets(&block)).unwrap(), &block);
            let trial = Trial { back_to: meta.rollback_of, begun: meta.time, until: WallTime(meta.number) };
            prop_assert_eq!(read_trial(&trial_octets(&trial)).unwrap(), trial);
            let list: Vec<_> = changes.clone().into_iter().collect();
            let (meta_read, changes_read) = read_candidate(&candidate_octets(&meta, &list)).unwrap();
            prop_assert_eq!((meta_read, changes_read), (meta, changes));
        }

        #[test]
        fn a_cut_record_is_refused(meta in any_meta(), cut in 1..8_usize) {
            let octets = meta_octets(&meta);
            prop_assert!(read_meta(&octets[..octets.len() - cut]).is_err());
        }

        #[test]
        fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (read_meta(&octets).is_ok(), read_changes(&octets).is_ok(), read_block(&octets).is_ok());
            let _ = read_trial(&octets).is_ok();
        }
    }
}
