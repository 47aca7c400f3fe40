//! Type names and their numbers on disk: given out as names come, never given to another name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::engine::{Damage, Direction, Engine, EngineError, KeyRange};
use crate::space::Space;

/// The names known to this process. The rows of the store are the truth: a name that is not here is looked up there.
#[derive(Default)]
pub(crate) struct Names {
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    codes: HashMap<Arc<str>, u16>,
    names: HashMap<u16, Arc<str>>,
}

impl Names {
    /// Reads all names of the store.
    pub(crate) fn reload(&self, engine: &dyn Engine) -> Result<(), EngineError> {
        for row in engine.scan(Space::Meta, KeyRange::prefix(b"name"), Direction::Forward) {
            let (key, value) = row?;
            let code = key.get(4..).and_then(|code| <[u8; 2]>::try_from(code).ok());
            let (Some(code), Ok(name)) = (code, std::str::from_utf8(&value)) else {
                return Err(EngineError::Damaged(Damage::Row("a row that names a type".to_owned())));
            };
            self.insert(u16::from_be_bytes(code), name);
        }
        Ok(())
    }

    pub(crate) fn insert(&self, code: u16, name: &str) {
        let name: Arc<str> = name.into();
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.codes.insert(name.clone(), code);
        table.names.insert(code, name);
    }

    /// The number of a name, if this process knows it.
    pub(crate) fn code(&self, name: &str) -> Option<u16> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.codes.get(name).copied()
    }

    /// The number of a name. Another process may have given it out: then it is read.
    pub(crate) fn find(&self, engine: &dyn Engine, name: &str) -> Result<Option<u16>, EngineError> {
        let known = self.code(name);
        if known.is_none() && engine.is_shared() {
            self.reload(engine)?;
            return Ok(self.code(name));
        }
        Ok(known)
    }

    /// The name with this number. Another process may have given it out: then it is read.
    pub(crate) fn name(&self, engine: &dyn Engine, code: u16) -> Result<Arc<str>, EngineError> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = table.names.get(&code) {
            return Ok(name.clone());
        }
        drop(table);
        self.reload(engine)?;
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let name = table.names.get(&code).cloned();
        name.ok_or_else(|| EngineError::Damaged(Damage::Row(format!("type number {code} has no name"))))
    }

    /// All names known, in no particular order.
    pub(crate) fn all(&self) -> Vec<Arc<str>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.codes.keys().cloned().collect()
    }

    /// The key in `meta` of the name with this number.
    pub(crate) fn key(code: u16) -> Vec<u8> {
        [b"name".as_slice(), &code.to_be_bytes()].concat()
    }
}
