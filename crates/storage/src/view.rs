//! The store as of one `t`: every read of a view, now or in a week, sees the same transactions and no half of any.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::blob::{self, BlobId};
use crate::commit::Method;
use crate::commit_row::{commit_key, log_key, read_log_key};
use crate::engine::{Direction, EngineError, KeyRange};
use crate::head::{HeadRow, HeadState, IdRow, ids_key};
use crate::number::Number;
use crate::prepared::{counter_key, state_key};
use crate::sequence::{count_at, read_counter};
use crate::slice::Slice;
use crate::space::Space;
use crate::store::{Instant, Point, Store, T, damaged};
use crate::version::{Packing, VersionHeader, version_key};

/// The store as of one `t`. Cheap to clone, holds nothing back in the engine, `Send` and `Sync`.
#[derive(Clone)]
pub struct View {
    pub(crate) store: Store,
    point: Point,
}

/// One version of a resource: its header read, its body still compressed.
#[derive(Clone)]
pub struct Version {
    /// The resource's number.
    pub number: Number,
    /// Counted from 1; a deletion has a number too.
    pub version: u64,
    /// The transaction that wrote it.
    pub t: T,
    /// The wall-clock time of that transaction.
    pub instant: Instant,
    /// How it came to be; [`Method::Delete`] exactly when it has no body.
    pub method: Method,
    /// What the caller gave with the content.
    pub mark: u64,
    /// SHA-256 of the body; zeros for a deletion.
    pub hash: [u8; 32],
    /// Bytes of the body; 0 for a deletion.
    pub length: u64,
    packing: Packing,
    row: Slice,
    body_at: usize,
    store: Store,
}

/// Which resource a number stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The logical id.
    pub id: String,
}

impl View {
    pub(crate) fn new(store: Store, point: Point) -> View {
        View { store, point }
    }

    /// Its `t`.
    pub fn t(&self) -> T {
        self.point.t
    }

    /// The wall-clock time of the transaction `t`; `None` when `t` is 0.
    pub fn instant(&self) -> Option<Instant> {
        (self.point.t > 0).then_some(self.point.instant)
    }

    /// The sequence of the last number given out.
    pub(crate) fn sequence(&self) -> u64 {
        self.point.sequence
    }

    /// The current version, a deletion included; `None`: there has never been such a resource. Two point reads.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn read(&self, type_name: &str, id: &str) -> Result<Option<Version>, EngineError> {
        let Some(row) = self.id_row(type_name, id)? else {
            return Ok(None);
        };
        self.version_at(&row, row.version, row.t)
    }

    /// That version, a deletion included; `None`: there is no such version (yet).
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn vread(&self, type_name: &str, id: &str, version: u64) -> Result<Option<Version>, EngineError> {
        let Some(row) = self.id_row(type_name, id)? else {
            return Ok(None);
        };
        // The version of a commit after the view's `t` may still be on its way.
        if version == 0 || version > row.version || (version == row.version && row.t > self.point.t) {
            return Ok(None);
        }
        let version = self.get_version(row.number_of(version), version)?;
        Ok(Some(version).filter(|version| version.t <= self.point.t))
    }

    /// The current version of the resource with this number, and which resource that is. `None`: no such number (yet), or
    /// the resource goes on under another number.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn resource(&self, number: Number) -> Result<Option<(Identity, Version)>, EngineError> {
        Ok(self.resources(&[number])?.pop().flatten())
    }

    /// As [`View::resource`], for many numbers, in their order: two batched reads.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn resources(&self, numbers: &[Number]) -> Result<Vec<Option<(Identity, Version)>>, EngineError> {
        let heads = self.heads(numbers)?;
        // The version of a commit after the view's `t` may still be on its way: it is not even asked for.
        let is_current = |head: &HeadRow| head.t <= self.point.t || head.state == HeadState::Moved;
        let mut keys = Vec::new();
        for (number, head) in numbers.iter().zip(&heads) {
            if let Some(head) = head.as_ref().filter(|head| is_current(head)) {
                keys.push(version_key(*number, head.version));
            }
        }
        let mut rows = self.engine_get_many(Space::Versions, &keys)?.into_iter();
        let mut found = Vec::with_capacity(numbers.len());
        for (number, head) in numbers.iter().zip(heads) {
            let Some(head) = head else {
                found.push(None);
                continue;
            };
            let mut version = None;
            if is_current(&head) {
                let row = rows.next().flatten();
                version = Some(self.decode_version(*number, head.version, row)?);
            }
            if version.as_ref().is_none_or(|version| version.t > self.point.t) {
                version = self.last_before(head.version, |_| *number)?;
            }
            let left = head.state == HeadState::Moved && head.t <= self.point.t;
            found.push(match version.filter(|_| !left) {
                Some(version) => Some((self.identity_of(&head)?, version)),
                None => None,
            });
        }
        Ok(found)
    }

    /// Which resource a number stands for, without its content. `None`: no such number (yet).
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn identity(&self, number: Number) -> Result<Option<Identity>, EngineError> {
        Ok(self.identities(&[number])?.pop().flatten())
    }

    /// As [`View::identity`], for many numbers, in their order: one batched read.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn identities(&self, numbers: &[Number]) -> Result<Vec<Option<Identity>>, EngineError> {
        let heads = self.heads(numbers)?;
        heads.iter().map(|head| head.as_ref().map(|head| self.identity_of(head)).transpose()).collect()
    }

    /// The number of a resource, live or deleted; `None`: there has never been one. One point read when nothing changed since.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn number(&self, type_name: &str, id: &str) -> Result<Option<Number>, EngineError> {
        let Some(row) = self.id_row(type_name, id)? else {
            return Ok(None);
        };
        if row.t <= self.point.t {
            return Ok(Some(row.number));
        }
        let version = self.version_at(&row, row.version, row.t)?;
        Ok(version.map(|version| version.number))
    }

    /// How many live resources of a type there are.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn count(&self, type_name: &str) -> Result<u64, EngineError> {
        match self.type_code(type_name)? {
            None => Ok(0),
            Some(code) => count_at(&self.store.inner, code, self.point.t),
        }
    }

    /// The last `t` whose instant is not after `instant`, at most the view's own; 0: none.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn t_at(&self, instant: Instant) -> Result<T, EngineError> {
        let (mut low, mut high) = (0, self.point.t);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.store.point_at(middle)?.instant <= instant {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// The events of the transactions from `from` to `to` (both included, at most the view's own `t`): `t`, ordinal in the
    /// transaction from 0, and bytes.
    pub fn log(
        &self,
        from: T,
        to: T,
        direction: Direction,
    ) -> impl Iterator<Item = Result<(T, u64, Slice), EngineError>> + '_ {
        let to = to.min(self.point.t);
        let range = KeyRange::between(&log_key(from, 0), &commit_key(to.saturating_add(1)));
        let rows = self.store.inner.engine.scan(Space::Log, range, direction);
        rows.map(|row| {
            let (key, event) = row?;
            let (t, ordinal) = read_log_key(&key).ok_or_else(|| damaged("a key of the log".to_owned()))?;
            Ok((t, ordinal, event))
        })
    }

    /// The bytes of a blob, verified against its hash. Blobs are not tied to `t`: what names one decides who sees it.
    ///
    /// # Errors
    /// When the engine cannot read, or the bytes are not those that were stored.
    pub fn blob(&self, id: BlobId) -> Result<Option<Vec<u8>>, EngineError> {
        blob::read(&*self.store.inner.engine, id)
    }

    /// A mutable row of the caller, as of the last commit.
    ///
    /// # Errors
    /// When the engine cannot read.
    pub fn state(&self, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.store.inner.engine.get(Space::State, &state_key(key))
    }

    /// The mutable rows whose key begins with `prefix`, ascending, as of the last commit.
    pub fn states(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(Vec<u8>, Slice), EngineError>> + '_ {
        let range = KeyRange::prefix(&state_key(prefix));
        let rows = self.store.inner.engine.scan(Space::State, range, Direction::Forward);
        rows.map(|row| row.map(|(key, value)| (key.get(1..).unwrap_or(&[]).to_vec(), value)))
    }

    /// A counter of the caller, as of the last commit; 0 when nothing was ever added.
    ///
    /// # Errors
    /// When the engine cannot read.
    pub fn counter(&self, counter: &[u8]) -> Result<i64, EngineError> {
        read_counter(&self.store.inner, &counter_key(counter))
    }

    pub(crate) fn type_code(&self, type_name: &str) -> Result<Option<u16>, EngineError> {
        let inner = &self.store.inner;
        inner.names.find(&*inner.engine, type_name)
    }

    pub(crate) fn id_row(&self, type_name: &str, id: &str) -> Result<Option<IdRow>, EngineError> {
        let Some(code) = self.type_code(type_name)? else {
            return Ok(None);
        };
        let row = self.store.inner.engine.get(Space::Ids, &ids_key(code, id))?;
        let row = row.map(|row| IdRow::decode(&row).ok_or_else(|| damaged(format!("the row of {type_name}/{id}"))));
        row.transpose()
    }

    /// The version current at the view's `t`, when `version` of `t` is the last of all.
    pub(crate) fn version_at(&self, row: &IdRow, version: u64, t: T) -> Result<Option<Version>, EngineError> {
        if t <= self.point.t {
            return self.get_version(row.number, version).map(Some);
        }
        self.last_before(version, |version| row.number_of(version))
    }

    /// The last version below `version` that is not after the view's `t`: their `t` ascend, so the search halves.
    pub(crate) fn last_before(
        &self,
        version: u64,
        number_of: impl Fn(u64) -> Number,
    ) -> Result<Option<Version>, EngineError> {
        let (mut low, mut high) = (0, version.saturating_sub(1));
        let mut found = None;
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            // A number that the resource got later begins with a later version: what is missing is before it.
            match self.find_version(number_of(middle), middle)? {
                Some(version) if version.t > self.point.t => high = middle - 1,
                version => {
                    low = middle;
                    found = version;
                }
            }
        }
        Ok(found)
    }

    fn heads(&self, numbers: &[Number]) -> Result<Vec<Option<HeadRow>>, EngineError> {
        let keys: Vec<Vec<u8>> = numbers.iter().map(|number| number.to_bytes().to_vec()).collect();
        let rows = self.engine_get_many(Space::Heads, &keys)?;
        let mut heads = Vec::with_capacity(rows.len());
        for (number, row) in numbers.iter().zip(rows) {
            let seen = number.sequence() <= self.point.sequence;
            heads.push(match row.filter(|_| seen) {
                None => None,
                Some(row) => {
                    let head = HeadRow::decode_without_keys(&row);
                    Some(head.ok_or_else(|| damaged(format!("the head of {number:?}")))?.0)
                }
            });
        }
        Ok(heads)
    }

    fn identity_of(&self, head: &HeadRow) -> Result<Identity, EngineError> {
        let inner = &self.store.inner;
        Ok(Identity { type_name: inner.names.name(&*inner.engine, head.type_code)?, id: head.id.clone() })
    }

    fn engine_get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Slice>>, EngineError> {
        self.store.inner.engine.get_many(space, keys)
    }

    pub(crate) fn get_version(&self, number: Number, version: u64) -> Result<Version, EngineError> {
        let row = self.store.inner.engine.get(Space::Versions, &version_key(number, version))?;
        self.decode_version(number, version, row)
    }

    fn find_version(&self, number: Number, version: u64) -> Result<Option<Version>, EngineError> {
        let key = version_key(number, version);
        match self.store.inner.engine.get(Space::Versions, &key)? {
            None => Ok(None),
            row => self.decode_version(number, version, row).map(Some),
        }
    }

    pub(crate) fn decode_version(
        &self,
        number: Number,
        version: u64,
        row: Option<Slice>,
    ) -> Result<Version, EngineError> {
        let what = || damaged(format!("version {version} of {number:?} is missing or damaged"));
        let row = row.ok_or_else(what)?;
        let (header, body_at) = VersionHeader::read(&row).ok_or_else(what)?;
        Ok(Version {
            number,
            version,
            t: header.t,
            instant: header.instant,
            method: header.method,
            mark: header.mark,
            hash: header.hash,
            length: header.length,
            packing: header.packing,
            row,
            body_at,
            store: self.store.clone(),
        })
    }
}

impl Version {
    /// Whether this version deletes the resource.
    pub fn is_deleted(&self) -> bool {
        self.packing == Packing::Absent
    }

    /// Bytes that the header and the compressed body take in the store.
    pub fn stored_length(&self) -> usize {
        self.row.len()
    }

    /// The body, as it was written; `None` for a deletion.
    ///
    /// # Errors
    /// When the body is not what was written: it does not decompress, or its hash differs.
    pub fn body(&self) -> Result<Option<Vec<u8>>, EngineError> {
        if self.is_deleted() {
            return Ok(None);
        }
        let mut body = Vec::new();
        let inner = &self.store.inner;
        let stored = self.row.get(self.body_at..).unwrap_or(&[]);
        let unpacked = inner.dictionaries.unpack(&*inner.engine, self.packing, stored, self.length, &mut body);
        unpacked.map_err(|error| match error {
            EngineError::Damaged(what) => damaged(format!("{self:?}: {what}")),
            other => other,
        })?;
        if inner.options.verify_reads {
            let hash: [u8; 32] = Sha256::digest(&body).into();
            if hash != self.hash {
                return Err(damaged(format!("{self:?}: the body is not what was written")));
            }
        }
        Ok(Some(body))
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {} of {:?}, t {}", self.version, self.number, self.t)
    }
}
