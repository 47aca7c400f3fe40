//! Which names a choice element may have when nothing is known of its parent.

use std::sync::LazyLock;

use model::{Name, Shapes, TypeId};

static SORTED: LazyLock<Vec<(&'static str, Name)>> = LazyLock::new(|| {
    let mut names: Vec<_> = Name::all().filter_map(|name| Some((name.known()?, name))).collect();
    names.sort_unstable();
    names
});

/// The known names that are `base` with the name of a type behind it: `valueQuantity`, `valueString`.
pub(super) fn suffixed(base: &str, shapes: &dyn Shapes) -> Vec<(Name, TypeId)> {
    let start = SORTED.partition_point(|(text, _)| *text < base);
    let following = SORTED.get(start..).unwrap_or_default().iter().take_while(|(text, _)| text.starts_with(base));
    let mut found: Vec<_> = following
        .filter_map(|(text, name)| {
            let suffix = text.strip_prefix(base)?;
            let first = suffix.chars().next().filter(char::is_ascii_uppercase)?;
            let primitive = format!("{}{}", first.to_ascii_lowercase(), suffix.get(1..)?);
            let ty = [suffix, &primitive].into_iter().find_map(|text| shapes.named(Name::of(text)?))?;
            Some((*name, ty))
        })
        .collect();
    found.sort_unstable();
    found
}
