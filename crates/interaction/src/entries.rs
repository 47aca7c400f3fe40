//! The entries of a Bundle that came in, read one after the other: of a large one never all at once.
//!
//! Only the places of the entries in the text are kept. Whoever needs an entry reads it, and lets go of it.

use std::borrow::Cow;
use std::ops::Range;

use model::{Limits, Tree, json};

use crate::body;
use crate::media::Format;
use crate::refusal::{Class, Refusal};
use crate::request::Request;

/// See the module.
pub(crate) struct Entries<'b> {
    /// JSON.
    text: Cow<'b, [u8]>,
    places: Vec<Range<usize>>,
    bundle_type: String,
    limits: Limits,
}

impl<'b> Entries<'b> {
    /// The entries of the request's body, and what stands beside them. The entries themselves are not read yet.
    ///
    /// # Errors
    /// Those of [`body::resource`]; [`Class::Malformed`] where it is no Bundle.
    pub(crate) fn of(request: &Request<'b>) -> Result<Entries<'b>, Refusal> {
        let limits = request.service.settings().limits;
        let (bytes, content_type) = (request.call.body, request.call.headers.content_type);
        if body::format(bytes, content_type)? == Format::Json
            && bytes.len() <= limits.bytes
            && let Some(places) = places(bytes)
            && let Some(bundle) = beside(bytes, &places, &limits)
        {
            return Entries::new(Cow::Borrowed(bytes), places, &bundle, limits);
        }
        // XML, and what is not plain: read whole, and written again.
        let bundle = body::resource(request.call, request.shapes(), &limits)?;
        let text = json::to_string(bundle.root()).into_bytes();
        let places = places(&text).unwrap_or_default();
        Entries::new(Cow::Owned(text), places, &bundle, limits)
    }

    fn new(
        text: Cow<'b, [u8]>,
        places: Vec<Range<usize>>,
        bundle: &Tree,
        limits: Limits,
    ) -> Result<Entries<'b>, Refusal> {
        if bundle.resource_type() != "Bundle" {
            return Err(Refusal::new(Class::Malformed, "The base takes a Bundle of type batch or transaction."));
        }
        let bundle_type = bundle.root().text_at("type").unwrap_or("none").to_owned();
        Ok(Entries { text, places, bundle_type, limits })
    }

    /// `Bundle.type`; `none` where there is none.
    pub(crate) fn bundle_type(&self) -> &str {
        &self.bundle_type
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether `DELETE` stands anywhere in the Bundle.
    pub(crate) fn mention_delete(&self) -> bool {
        self.text.split(|byte| *byte == b'D').skip(1).any(|behind| behind.starts_with(b"ELETE"))
    }

    /// A Bundle with one of them alone, as `entry`.
    ///
    /// # Errors
    /// What is wrong with the whole text, told with its places there.
    pub(crate) fn read(&self, number: usize) -> Result<Tree, Refusal> {
        let text = [br#"{"resourceType":"Bundle","entry":["#, self.text_of(number), b"]}"].concat();
        match json::read(&text, &self.limits) {
            Ok(tree) if !has_errors(&tree) => Ok(tree),
            _ => Err(self.fault()),
        }
    }

    /// The resource of one that was read before, as a tree of its own; `None` where it has none.
    ///
    /// # Errors
    /// As [`Entries::read`].
    pub(crate) fn resource(&self, number: usize) -> Result<Option<Tree>, Refusal> {
        let text = self.text_of(number);
        if let Some(text) = json::member(text, "resource").and_then(|place| text.get(place))
            && let Ok(tree) = json::read(text, &self.limits)
        {
            return Ok(Some(tree));
        }
        let entry = self.read(number)?;
        Ok(entry.root().get("entry").and_then(|entry| entry.get("resource")).map(Tree::from_element))
    }

    fn text_of(&self, number: usize) -> &[u8] {
        self.places.get(number).and_then(|place| self.text.get(place.clone())).unwrap_or_default()
    }

    fn fault(&self) -> Refusal {
        match json::read(&self.text, &self.limits) {
            Ok(tree) if has_errors(&tree) => Refusal::of(Class::Malformed, tree.issues().to_vec()),
            Ok(_) => Refusal::fault("an entry cannot be read, the Bundle can"),
            Err(error) => error.into(),
        }
    }
}

/// Where the entries of a Bundle stand.
fn places(text: &[u8]) -> Option<Vec<Range<usize>>> {
    json::items(text, json::member(text, "entry")?)
}

/// The Bundle with its first entry alone; `None` where something is wrong with it.
fn beside(text: &[u8], places: &[Range<usize>], limits: &Limits) -> Option<Tree> {
    let (before, after) = (text.get(..places.first()?.end)?, text.get(places.last()?.end..)?);
    json::read(&[before, after].concat(), limits).ok().filter(|tree| !has_errors(tree))
}

fn has_errors(tree: &Tree) -> bool {
    tree.issues().iter().any(|issue| issue.severity.is_error())
}
