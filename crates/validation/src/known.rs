//! Names of elements that are asked for at every other element, found once in a process.

use std::sync::LazyLock;

use model::{Element, Name};

/// A name of FHIR.
pub(crate) type Known = LazyLock<Option<Name>>;

macro_rules! known {
    ($($constant:ident $name:literal),* $(,)?) => {
        $(#[doc = $name] pub(crate) static $constant: Known = LazyLock::new(|| Name::of($name));)*
    };
}

known! {
    CODE "code", CODING "coding", DISPLAY "display", EXTENSION "extension", FULL_URL "fullUrl", ID "id",
    META "meta", PROFILE "profile",
    REFERENCE "reference", RESOURCE "resource", SYSTEM "system", TYPE "type", URL "url", VERSION "version",
}

/// The children of a name.
pub(crate) fn all<'t>(element: Element<'t>, name: &Known) -> impl Iterator<Item = Element<'t>> {
    name.into_iter().flat_map(move |name| element.named(name))
}

/// The first child of a name.
pub(crate) fn get<'t>(element: Element<'t>, name: &Known) -> Option<Element<'t>> {
    element.named((**name)?).next()
}

/// The text of the first child of a name.
pub(crate) fn text<'t>(element: Element<'t>, name: &Known) -> Option<&'t str> {
    get(element, name)?.text()
}
