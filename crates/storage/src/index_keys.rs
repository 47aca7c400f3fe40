//! The search keys of a resource, from its head: one read tells all that it is found by.

use crate::engine::EngineError;
use crate::head::{HeadRow, HeadState};
use crate::number::Number;
use crate::ordered::{take_bytes, take_varint};
use crate::slice::Slice;
use crate::space::Space;
use crate::store::damaged;
use crate::view::View;

/// The search keys under which a resource is found as of a view: the row of its head, decoded when it is walked.
#[derive(Clone)]
pub struct IndexKeys {
    row: Slice,
    keys_at: usize,
}

impl View {
    /// The search keys of each resource, in the order of `numbers`: one batched read. `None`: the resource is gone or unseen at the view's
    /// `t`, or was written after it, so that its keys then are told by its content only.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn index_keys(&self, numbers: &[Number]) -> Result<Vec<Option<IndexKeys>>, EngineError> {
        let keys: Vec<Vec<u8>> = numbers.iter().map(|number| number.to_bytes().to_vec()).collect();
        let rows = self.store.inner.engine.get_many(Space::Heads, &keys)?;
        let mut found = Vec::with_capacity(rows.len());
        for (number, row) in numbers.iter().zip(rows) {
            let Some(row) = row.filter(|_| number.sequence() <= self.sequence()) else {
                found.push(None);
                continue;
            };
            let head = HeadRow::decode_without_keys(&row);
            let (head, rest) = head.ok_or_else(|| damaged(format!("the head of {number:?}")))?;
            let keys_at = row.len() - rest.len();
            let holds = head.state == HeadState::Live && head.t <= self.t();
            found.push(holds.then_some(IndexKeys { row, keys_at }));
        }
        Ok(found)
    }
}

impl IndexKeys {
    /// Whether they are exactly these, which are ascending.
    pub fn are(&self, keys: &[Vec<u8>]) -> bool {
        let mut rest = keys.iter();
        let mut same = true;
        let walked = self.walk(|key| {
            same = rest.next().is_some_and(|known| known == key);
            if same { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
        });
        walked.is_some() && same && rest.next().is_none()
    }

    /// Shows the keys to `meet` in ascending order until it says that it has seen enough; `None` where the row is damaged.
    pub fn walk(&self, mut meet: impl FnMut(&[u8]) -> std::ops::ControlFlow<()>) -> Option<()> {
        let mut rest = self.row.get(self.keys_at..)?;
        let count = take_varint(&mut rest)?;
        let mut key: Vec<u8> = Vec::with_capacity(64);
        for _ in 0..count {
            let shared = usize::try_from(take_varint(&mut rest)?).ok()?;
            if shared > key.len() {
                return None;
            }
            key.truncate(shared);
            key.extend_from_slice(take_bytes(&mut rest)?);
            if meet(&key).is_break() {
                break;
            }
        }
        Some(())
    }
}
