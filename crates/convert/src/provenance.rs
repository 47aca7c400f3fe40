//! The Provenance of a conversion: <http://hl7.org/fhir/R4/provenance.html>.

use model::{Instant, Tree};

use crate::{Source, identity};

const SOFTWARE: &str = concat!("Passerelle ", env!("CARGO_PKG_VERSION"));

/// A Provenance that targets the Bundle of `target` id: made from a source of this hash, by this program, at this time.
pub(crate) fn provenance(target: &str, source: &Source<'_>, hash: &[u8; 32], format: &str, now: Instant) -> Tree {
    let mut tree = Tree::new("Provenance");
    let mut root = tree.edit();
    root.set("id", &identity::uuid(hash, "Provenance"));
    root.item("target").set("reference", &format!("Bundle/{target}"));
    root.set("recorded", &now.to_fhir());
    root.push("policy", &format!("urn:passerelle:mapping:{format}:{}", env!("CARGO_PKG_VERSION")));
    root.object("activity").item("coding").set("system", TYPE).set("code", "TRANSFORM");
    let mut agent = root.item("agent");
    agent.object("type").item("coding").set("system", AGENT).set("code", "assembler");
    agent.object("who").set("display", SOFTWARE);
    let mut entity = root.item("entity");
    entity.set("role", "source");
    let mut what = entity.object("what");
    what.object("identifier")
        .set("system", "urn:ietf:rfc:3986")
        .set("value", &format!("urn:hash::sha256:{}", identity::hex(hash)));
    what.set_some("display", source.name);
    tree
}

const TYPE: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
const AGENT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
