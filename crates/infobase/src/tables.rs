//! The tables of the file, and what the store does to them inside one redb transaction.

use std::collections::BTreeMap;

use redb::{
    ReadTransaction, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition,
    TableHandle as _, WriteTransaction,
};

use waypost_routprot::InfoBlock;

use crate::record::{self, ChangeRef, Changes, RecordError};
use crate::{BlockKey, RevisionMeta, Tree, Trial};

/// The format in which the candidate was a row of this file.
pub(crate) const FIRST_VERSION: u64 = 1;

/// `version`: the format of the file. `last-number`: the highest revision number ever given out.
const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("format");
/// The running block of every key.
const RUNNING: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("running");
/// The confirmed revisions that are kept.
const REVISIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("revisions");
/// For each kept revision, what turns its tree into that of the revision before it.
const UNDO: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("undo");
/// The candidate, in files of the first format; it has a file of its own since.
const PENDING: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pending");
/// The trial that is on, under number 0. Files of earlier formats do not have the table.
const TRIAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("trial");
/// Protocols' private octets.
const PRIVATE: TableDefinition<'_, (u32, &[u8]), &[u8]> = TableDefinition::new("private");

const VERSION: &str = "version";
const LAST_NUMBER: &str = "last-number";

/// What went wrong inside a transaction.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    // Boxed: redb's error is far larger than the results around it.
    #[error(transparent)]
    Redb(Box<redb::Error>),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("{0}")]
    Inconsistent(&'static str),
}

macro_rules! from_redb {
    ($($error:ident)*) => {
        $(
            impl From<redb::$error> for TableError {
                fn from(error: redb::$error) -> Self {
                    Self::Redb(Box::new(error.into()))
                }
            }
        )*
    };
}

from_redb!(StorageError TableError TransactionError CommitError DatabaseError CompactionError);

type Result<T> = std::result::Result<T, TableError>;

/// What a file says when it is opened.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) running: Tree,
    pub(crate) head: Option<RevisionMeta>,
    /// The candidate, where the file is of the first format.
    pub(crate) pending: Option<RevisionMeta>,
    pub(crate) trial: Option<Trial>,
    /// The highest number known to have been given out.
    pub(crate) last_number: u64,
}

/// Begins a write whose commit is durable with a single sync.
pub(crate) fn begin_write(database: &redb::Database) -> Result<WriteTransaction> {
    // redb's defaults: immediate durability and one-phase commit, in which a checksum tells a torn commit, so that it
    // needs one sync where two-phase commit needs two.
    Ok(database.begin_write()?)
}

/// Makes the tables of an empty file.
pub(crate) fn create(transaction: &WriteTransaction, version: u64) -> Result<()> {
    let mut format = transaction.open_table(FORMAT)?;
    format.insert(VERSION, version)?;
    format.insert(LAST_NUMBER, 0)?;
    transaction.open_table(RUNNING)?;
    transaction.open_table(REVISIONS)?;
    transaction.open_table(UNDO)?;
    transaction.open_table(TRIAL)?;
    transaction.open_table(PRIVATE)?;
    Ok(())
}

/// The format of the file; none if it is some other redb file.
pub(crate) fn version(transaction: &ReadTransaction) -> Result<Option<u64>> {
    if !transaction
        .list_tables()?
        .any(|table| table.name() == FORMAT.name())
    {
        return Ok(None);
    }
    let version = transaction.open_table(FORMAT)?.get(VERSION)?;
    Ok(version.map(|row| row.value()))
}

/// Reads everything that the store keeps in memory from a file of format `version`.
pub(crate) fn contents(transaction: &ReadTransaction, version: u64) -> Result<Contents> {
    let last_number = transaction
        .open_table(FORMAT)?
        .get(LAST_NUMBER)?
        .ok_or(TableError::Inconsistent("the last revision number is missing"))?
        .value();
    let mut running = Tree::new();
    for row in transaction.open_table(RUNNING)?.iter()? {
        let (key, block) = row?;
        let key = BlockKey::from_octets(key.value()).map_err(RecordError::from)?;
        running.insert(key, record::read_block(block.value())?);
    }
    let head = match transaction.open_table(REVISIONS)?.last()? {
        None => None,
        Some((number, meta)) => Some(revision_row(number.value(), meta.value())?),
    };
    let pending = if version == FIRST_VERSION {
        match transaction.open_table(PENDING)?.last()? {
            None => None,
            Some((_, candidate)) => Some(record::read_candidate(candidate.value())?.0),
        }
    } else {
        None
    };
    let trial = match transaction.open_table(TRIAL) {
        Ok(table) => match table.get(0)? {
            None => None,
            Some(octets) => Some(record::read_trial(octets.value())?),
        },
        Err(redb::TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Contents {
        running,
        // A confirm says it by its revision.
        last_number: last_number.max(head.as_ref().map_or(0, |head| head.number)),
        head,
        pending,
        trial,
    })
}

fn revision_row(number: u64, octets: &[u8]) -> Result<RevisionMeta> {
    let meta = record::read_meta(octets)?;
    if meta.number == number {
        Ok(meta)
    } else {
        Err(TableError::Inconsistent(
            "a revision stands under another's number",
        ))
    }
}

/// The newest `max` revisions, newest first.
pub(crate) fn revisions(transaction: &ReadTransaction, max: usize) -> Result<Vec<RevisionMeta>> {
    let table = transaction.open_table(REVISIONS)?;
    let mut revisions = Vec::new();
    for row in table.iter()?.rev().take(max) {
        let (number, meta) = row?;
        revisions.push(revision_row(number.value(), meta.value())?);
    }
    Ok(revisions)
}

/// The numbers of the oldest and the newest revision kept.
pub(crate) fn kept(transaction: &ReadTransaction) -> Result<(Option<u64>, Option<u64>)> {
    let table = transaction.open_table(REVISIONS)?;
    let oldest = table.first()?.map(|(number, _)| number.value());
    let newest = table.last()?.map(|(number, _)| number.value());
    Ok((oldest, newest))
}

/// The tree of revision `number`, undone from `running`; none if the history does not hold that revision.
pub(crate) fn revision(transaction: &ReadTransaction, running: &Tree, number: u64) -> Result<Option<Tree>> {
    if transaction.open_table(REVISIONS)?.get(number)?.is_none() {
        return Ok(None);
    }
    let mut tree = running.clone();
    // INVARIANT: no overflow, the number is in the table and begin() gives out none above u64::MAX - 1.
    for row in transaction.open_table(UNDO)?.range(number + 1..)?.rev() {
        let (_, undo) = row?;
        crate::store::apply(&mut tree, references(&record::read_changes(undo.value())?));
    }
    Ok(Some(tree))
}

/// Notes the highest number given out, and makes a file of an earlier format one of `version`.
pub(crate) fn settle(transaction: &WriteTransaction, version: u64, last_number: u64) -> Result<()> {
    let mut format = transaction.open_table(FORMAT)?;
    format.insert(LAST_NUMBER, last_number)?;
    let found = format.get(VERSION)?.map(|row| row.value());
    if found != Some(version) {
        format.insert(VERSION, version)?;
        transaction.delete_table(PENDING)?;
        transaction.open_table(TRIAL)?;
    }
    Ok(())
}

/// Puts down which trial is on.
pub(crate) fn put_trial(transaction: &WriteTransaction, trial: Option<&Trial>) -> Result<()> {
    let mut table = transaction.open_table(TRIAL)?;
    match trial {
        Some(trial) => drop(table.insert(0, record::trial_octets(trial).as_slice())?),
        None => drop(table.remove(0)?),
    }
    Ok(())
}

fn put_running<'a>(
    transaction: &WriteTransaction,
    changes: impl IntoIterator<Item = ChangeRef<'a>>,
) -> Result<()> {
    let mut running = transaction.open_table(RUNNING)?;
    for (key, block) in changes {
        let key = key.to_octets();
        match block {
            Some(block) => drop(running.insert(key.as_slice(), record::block_octets(block).as_slice())?),
            None => drop(running.remove(key.as_slice())?),
        }
    }
    Ok(())
}

/// What a revision does to a key: the block it had and the one it gets.
pub(crate) struct Effect<'a> {
    pub(crate) key: &'a BlockKey,
    pub(crate) old: Option<&'a InfoBlock>,
    pub(crate) new: Option<&'a InfoBlock>,
}

/// Turns the candidate into the newest revision and forgets the oldest ones beyond `history`, but none that a trial may
/// have to return to or over.
pub(crate) fn confirm(
    transaction: &WriteTransaction,
    meta: &RevisionMeta,
    effects: &[Effect<'_>],
    history: u64,
    trial: Option<&Trial>,
) -> Result<()> {
    put_running(transaction, effects.iter().map(|effect| (effect.key, effect.new)))?;
    let number = meta.number;
    let mut revisions = transaction.open_table(REVISIONS)?;
    revisions.insert(number, record::meta_octets(meta).as_slice())?;
    let mut undos = transaction.open_table(UNDO)?;
    let undo = effects.iter().map(|effect| (effect.key, effect.old));
    undos.insert(number, record::changes_octets(effects.len(), undo).as_slice())?;
    let needed_from = trial.map_or(u64::MAX, |trial| trial.back_to.unwrap_or(0));
    while revisions.len()? > history {
        let oldest = revisions.first()?.map(|(number, _)| number.value());
        let Some(oldest) = oldest.filter(|oldest| *oldest < needed_from) else {
            break;
        };
        revisions.remove(oldest)?;
        undos.remove(oldest)?;
    }
    Ok(())
}

/// Takes back every revision after `number`: commits that the disk kept although it reported their failure.
pub(crate) fn take_back(transaction: &WriteTransaction, number: u64) -> Result<()> {
    let mut undos = transaction.open_table(UNDO)?;
    let mut revisions = transaction.open_table(REVISIONS)?;
    loop {
        let newest = revisions.last()?.map(|(newest, _)| newest.value());
        let Some(newest) = newest.filter(|newest| *newest > number) else {
            return Ok(());
        };
        let undo = match undos.remove(newest)? {
            Some(undo) => record::read_changes(undo.value())?,
            None => return Err(TableError::Inconsistent("a revision can not be undone")),
        };
        put_running(transaction, references(&undo))?;
        revisions.remove(newest)?;
    }
}

fn references(changes: &Changes) -> impl Iterator<Item = ChangeRef<'_>> {
    changes.iter().map(|(key, block)| (key, block.as_ref()))
}

/// Every private octet string of a protocol.
pub(crate) fn private_all(
    transaction: &ReadTransaction,
    protocol: u32,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let table = transaction.open_table(PRIVATE)?;
    let mut strings = BTreeMap::new();
    for row in table.range((protocol, &[][..])..)? {
        let (key, value) = row?;
        let (owner, key) = key.value();
        if owner != protocol {
            break;
        }
        strings.insert(key.to_vec(), value.value().to_vec());
    }
    Ok(strings)
}

/// Sets and removes private octet strings of a protocol.
pub(crate) fn put_private(
    transaction: &WriteTransaction,
    protocol: u32,
    changes: &[(Vec<u8>, Option<Vec<u8>>)],
) -> Result<()> {
    let mut table = transaction.open_table(PRIVATE)?;
    for (key, value) in changes {
        let key = (protocol, key.as_slice());
        match value {
            Some(value) => drop(table.insert(key, value.as_slice())?),
            None => drop(table.remove(key)?),
        }
    }
    Ok(())
}

/// Runs `read` on what is committed.
pub(crate) fn reading<T>(
    database: &redb::Database,
    read: impl FnOnce(&ReadTransaction) -> Result<T>,
) -> Result<T> {
    read(&database.begin_read()?)
}
