//! II, EN, AD and TEL into Identifier, HumanName, Address and ContactPoint.

use model::ElementMut;

use super::coded::{self, is_oid};
use super::context::Context;
use super::read::Node;
use super::time;

const QUALIFIER: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier";
const QUALIFIERS: [&str; 12] = ["LS", "AC", "NB", "PR", "HON", "BR", "AD", "SP", "MID", "CL", "IN", "VV"];

/// Appends an Identifier for each II that has a root or an extension.
pub(super) fn push_identifiers(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    for id in node.all("id") {
        push_identifier(cx, id, to, "identifier");
    }
}

/// Appends one Identifier; nothing where the II has only a null flavour.
pub(super) fn push_identifier(cx: &mut Context<'_>, id: Node<'_>, to: &mut ElementMut<'_>, name: &str) {
    if id.peek("root").is_some() || id.peek("extension").is_some() {
        fill_identifier(cx, id, &mut to.item(name));
    } else {
        id.null_flavor();
    }
}

/// Fills an Identifier: root as system and extension as value, or the root itself as `urn:oid:` or `urn:uuid:`.
pub(super) fn fill_identifier(cx: &mut Context<'_>, id: Node<'_>, identifier: &mut ElementMut<'_>) {
    id.take_attributes();
    super::national::complete(cx, id, identifier);
    let root = id.peek("root");
    if let Some(root) = root {
        coded::name_short(cx, id, root);
    }
    let uri = root.and_then(|root| identifier_uri(cx, root));
    match (&uri, id.peek("extension")) {
        // A register without a number: its OID identifies nobody.
        (Some(uri), None) if id.peek("nullFlavor").is_some() => {
            identifier.set("system", uri);
            coded::absent(&mut identifier.primitive("value"), id.peek("nullFlavor"));
            return;
        }
        (Some(uri), Some(extension)) => identifier.set("system", uri).set("value", extension),
        (Some(uri), None) => identifier.set("system", "urn:ietf:rfc:3986").set("value", uri),
        (None, extension) => identifier.set_some("value", extension.or(root)),
    };
    let name = id.peek("assigningAuthorityName").or(root.filter(|_| uri.is_none() && id.peek("extension").is_some()));
    if let Some(name) = name {
        identifier.object("assigner").set("display", name);
    }
}

fn identifier_uri(cx: &Context<'_>, root: &str) -> Option<String> {
    if let Some(uri) = cx.systems.uri(root) {
        return Some(uri.to_owned());
    }
    if is_oid(root) {
        return Some(format!("urn:oid:{root}"));
    }
    let lower = root.to_ascii_lowercase();
    let groups: Vec<usize> = lower.split('-').map(str::len).collect();
    let hex = lower.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (hex && groups == [8, 4, 4, 4, 12]).then(|| format!("urn:uuid:{lower}"))
}

/// Appends a HumanName for each EN that has a part or a text; tells whether there was one.
pub(super) fn push_names(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) -> bool {
    let mut some = false;
    for name in node.all("name") {
        if !name.has_text() {
            name.null_flavor();
            continue;
        }
        some = true;
        let families: Vec<Node<'_>> = name.all("family").filter(|part| part.has_text()).collect();
        let birth =
            |part: &Node<'_>| part.peek("qualifier").is_some_and(|codes| codes.split_whitespace().any(|c| c == "BR"));
        let (at_birth, others): (Vec<Node<'_>>, Vec<Node<'_>>) = families.into_iter().partition(birth);
        match (others.is_empty(), at_birth.is_empty()) {
            (false, false) => {
                fill_name(cx, name, &others, &mut to.item("name"));
                fill_name(cx, name, &at_birth, &mut to.item("name"));
            }
            _ => fill_name(cx, name, if others.is_empty() { &at_birth } else { &others }, &mut to.item("name")),
        }
    }
    some
}

fn fill_name(cx: &mut Context<'_>, name: Node<'_>, families: &[Node<'_>], human: &mut ElementMut<'_>) {
    name.take_all();
    let uses = name.peek("use").unwrap_or_default();
    let official = uses.split_whitespace().find_map(|code| match code {
        "L" | "C" => Some("official"),
        "P" | "A" => Some("nickname"),
        "ASGN" | "R" | "I" => Some("anonymous").filter(|_| code == "ASGN"),
        _ => None,
    });
    human.set_some("use", official);
    if !name.children().any(|part| matches!(part.name(), "family" | "given" | "prefix" | "suffix")) {
        human.set_some("text", name.peek_text().as_deref());
        return;
    }
    let texts: Vec<String> = families.iter().filter_map(|part| part.peek_text()).collect();
    if !texts.is_empty() {
        human.set("family", &texts.join(" "));
        if let Some(codes) = families.first().and_then(|part| part.peek("qualifier")) {
            push_qualifiers(codes, &mut human.primitive("family"));
        }
    }
    for part in name.children() {
        let Some(text) = part.peek_text() else { continue };
        let kind = match part.name() {
            "given" => "given",
            "prefix" => "prefix",
            "suffix" => "suffix",
            _ => continue,
        };
        let mut item = human.primitive_item(kind);
        item.set_value(text.as_str());
        if let Some(codes) = part.peek("qualifier") {
            push_qualifiers(codes, &mut item);
        }
    }
    let loose: Vec<&str> =
        name.content().filter_map(Result::err).map(str::trim).filter(|text| !text.is_empty()).collect();
    if !loose.is_empty() {
        human.set_some("text", name.peek_text().as_deref());
    }
    if let Some(period) = name.get("validTime") {
        time::fill_period(cx, period, &mut human.object("period"));
    }
}

fn push_qualifiers(codes: &str, part: &mut ElementMut<'_>) {
    for code in codes.split_whitespace().filter(|code| QUALIFIERS.contains(code)) {
        part.item("extension").set("url", QUALIFIER).set("valueCode", code);
    }
}

/// Appends an Address for each AD that says something.
pub(super) fn push_addresses(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    for address in node.all("addr") {
        if address.has_text() {
            fill_address(cx, address, &mut to.item("address"));
        } else {
            address.descendants().for_each(|part| {
                part.null_flavor();
            });
        }
    }
}

/// Fills an Address; parts that FHIR does not name become lines.
pub(super) fn fill_address(cx: &mut Context<'_>, node: Node<'_>, address: &mut ElementMut<'_>) {
    node.take_all();
    for code in node.peek("use").unwrap_or_default().split_whitespace() {
        match code {
            "H" | "HP" | "HV" => address.set("use", "home"),
            "WP" | "DIR" | "PUB" => address.set("use", "work"),
            "TMP" => address.set("use", "temp"),
            "BAD" => address.set("use", "old"),
            "PST" => address.set("type", "postal"),
            "PHYS" => address.set("type", "physical"),
            _ => address,
        };
    }
    let mut street: [Option<String>; 3] = [None, None, None];
    for part in node.children() {
        let Some(text) = part.peek_text() else { continue };
        match part.name() {
            "city" => address.set("city", &text),
            "postalCode" => address.set("postalCode", &text),
            "state" => address.set("state", &text),
            "country" => address.set("country", &text),
            "county" => address.set("district", &text),
            "streetName" => replace(&mut street, 0, text, address),
            "houseNumber" | "houseNumberNumeric" => replace(&mut street, 1, text, address),
            "buildingNumberSuffix" => replace(&mut street, 2, text, address),
            "useablePeriod" => address,
            "delimiter" => address,
            _ => address.push("line", &text),
        };
    }
    let line: Vec<String> = street.into_iter().flatten().collect();
    if !line.is_empty() {
        address.push("line", &line.join(" "));
    }
    let loose: Vec<&str> =
        node.content().filter_map(Result::err).map(str::trim).filter(|text| !text.is_empty()).collect();
    if !loose.is_empty() {
        address.set("text", &loose.join(", "));
    }
    if let Some(period) = node.get("useablePeriod") {
        time::fill_period(cx, period, &mut address.object("period"));
    }
}

fn replace<'a, 'b>(
    street: &mut [Option<String>; 3],
    place: usize,
    text: String,
    address: &'a mut ElementMut<'b>,
) -> &'a mut ElementMut<'b> {
    match street.get_mut(place) {
        Some(slot) if slot.is_none() => *slot = Some(text),
        _ => {
            address.push("line", &text);
        }
    }
    address
}

/// Appends a ContactPoint for each TEL that has a value.
pub(super) fn push_telecoms(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    for telecom in node.all("telecom") {
        let Some(value) = telecom.attr("value") else {
            telecom.null_flavor();
            continue;
        };
        let (system, value) = contact(value);
        if value.is_empty() {
            continue;
        }
        let mut point = to.item("telecom");
        point.set("system", system).set("value", value);
        for code in telecom.peek("use").unwrap_or_default().split_whitespace() {
            match code {
                "H" | "HP" | "HV" => point.set("use", "home"),
                "WP" | "DIR" | "PUB" => point.set("use", "work"),
                "TMP" => point.set("use", "temp"),
                "BAD" => point.set("use", "old"),
                "MC" => point.set("use", "mobile"),
                _ => &mut point,
            };
        }
        if let Some(period) = telecom.get("useablePeriod") {
            time::fill_period(cx, period, &mut point.object("period"));
        }
    }
}

fn contact(value: &str) -> (&'static str, &str) {
    let (scheme, rest) = value.split_once(':').unwrap_or(("", value));
    match scheme.to_ascii_lowercase().as_str() {
        "tel" => ("phone", rest.trim()),
        "fax" | "x-text-fax" => ("fax", rest.trim()),
        "sms" => ("sms", rest.trim()),
        "mailto" => ("email", rest.trim()),
        "http" | "https" | "ftp" => ("url", value),
        _ if value.contains('@') => ("email", value),
        _ if value.chars().all(|c| c.is_ascii_digit() || " +-()/.".contains(c)) => ("phone", value),
        _ => ("other", value),
    }
}

/// Telecoms and addresses of an organisation, which has no home (org-2, org-3).
pub(super) fn push_contacts_of_organization(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    let mut holder = model::Tree::new("Organization");
    push_telecoms(cx, node, &mut holder.edit());
    push_addresses(cx, node, &mut holder.edit());
    for part in holder.root().children() {
        let mut item = to.item(part.name());
        for child in part.children().filter(|child| child.name() != "use" || child.text() != Some("home")) {
            item.copy(child);
        }
    }
}

/// Sets the single required name of a resource that names no person: its text, or why there is none.
pub(super) fn set_organization_name(node: Node<'_>, to: &mut ElementMut<'_>) {
    let mut names = node.all("name").filter_map(|name| name.text().or_else(|| name.null_flavor().and(None)));
    match names.next() {
        Some(name) => {
            to.set("name", &name);
        }
        None => {
            let flavor = node.get("name").and_then(|name| name.peek("nullFlavor"));
            coded::absent(&mut to.primitive("name"), flavor);
        }
    }
    for alias in names {
        to.push("alias", &alias);
    }
}
