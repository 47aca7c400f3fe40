//! Other search keys for a version that is there: what a new search parameter asks of resources stored before it.

use crate::commit::{CommitError, Transaction};
use crate::head::{HeadRow, HeadState, IdRow, ids_key};
use crate::rows::{change_keys, read_head};
use crate::sequence::Draft;
use crate::space::Space;
use crate::store::{Inner, damaged};

/// The search keys that the current version of a resource shall be found by. No new version comes of it: the rows that differ begin
/// or cease to hold at the `t` of the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindex {
    /// The resource type.
    pub type_name: String,
    /// The logical id.
    pub id: String,
    /// The version that the keys were made of. Where another is current meanwhile, nothing is done: who wrote it gave its keys.
    pub version: u64,
    /// All its keys, as [`crate::Content::index`] has them.
    pub index: Vec<Vec<u8>>,
}

impl Transaction {
    /// Gives the current version of a resource other search keys. A resource that the transaction also writes is left alone.
    pub fn reindex(&mut self, reindex: Reindex) -> &mut Transaction {
        self.reindexed.push(reindex);
        self
    }
}

/// Adds the rows that differ to the draft.
pub(crate) fn put(inner: &Inner, draft: &mut Draft, reindex: &Reindex) -> Result<(), CommitError> {
    let Some(type_code) = inner.names.code(&reindex.type_name) else { return Ok(()) };
    let Some(row) = inner.engine.get(Space::Ids, &ids_key(type_code, &reindex.id))? else { return Ok(()) };
    let name = || format!("{}/{}", reindex.type_name, reindex.id);
    let row = IdRow::decode(&row).ok_or_else(|| damaged(format!("the row of {}", name())))?;
    if row.deleted || row.version != reindex.version {
        return Ok(());
    }
    let old = read_head(inner, row.number)?;
    if old.state != HeadState::Live || old.keys == reindex.index {
        return Ok(());
    }
    change_keys(inner, draft, row.number, &old.keys, &reindex.index)?;
    let head = HeadRow { keys: reindex.index.clone(), ..old };
    draft.batch.put(Space::Heads, row.number.to_bytes(), head.encode());
    Ok(())
}
