//! Medical devices: `supply` or `procedure` with a device participant into DeviceUseStatement and Device
//! (<http://hl7.eu/fhir/eps/StructureDefinition/deviceUseStatement-eu-eps>).

use model::Tree;

use super::coded;
use super::context::Context;
use super::entry;
use super::parts;
use super::people;
use super::read::Node;
use super::time;

const USE_PROFILE: &str = "http://hl7.eu/fhir/eps/StructureDefinition/deviceUseStatement-eu-eps";
const PROFILE: &str = "http://hl7.eu/fhir/eps/StructureDefinition/device-eu-eps";

/// The DeviceUseStatement of a statement; `None` where it names no device: then it says nothing of one.
pub(super) fn device_use(cx: &mut Context<'_>, act: Node<'_>) -> Option<String> {
    let named =
        act.all("participant").find_map(|participant| device(cx, participant).map(|device| (participant, device)));
    let coded_supply = act.get("code").filter(|code| named.is_none() && coded::names_something(cx, *code));
    let named = named.map(|(_, device)| device).or_else(|| coded_supply.map(|code| coded_device(cx, code)));
    let Some(device) = named else {
        act.descendants().for_each(|node| {
            node.null_flavor();
        });
        if let Some(text) = entry::statement_text(cx, act) {
            cx.note(act, format!("The entry names no device; it says: {text}"));
        }
        entry::status(act);
        return None;
    };
    let mut tree = entry::begin(cx, act, "DeviceUseStatement", Some(USE_PROFILE), "");
    let mut to = tree.edit();
    let ended =
        act.get("effectiveTime").and_then(|when| when.get("high")).is_some_and(|high| high.peek("value").is_some());
    let status = match entry::status(act) {
        Some(_) => entry::mapped_status(cx, act, "device-use", "active"),
        None => "active",
    };
    to.set(
        "status",
        match status {
            "active" if ended => "completed",
            // In CDA a completed act of using leaves the device in use unless an end is given.
            "completed" if !ended => "active",
            status => status,
        },
    );
    cx.set_patient(&mut to, "subject");
    let when = act.get("effectiveTime");
    time::set_when(cx, when, &mut to, "timing", true);
    to.object("device").set("reference", &device);
    for site in act.all("targetSiteCode") {
        if coded::names_something(cx, site) && to.as_element().get("bodySite").is_none() {
            coded::set_concept(cx, Some(site), &mut to, "bodySite");
        }
    }
    super::procedure::reasons(cx, act, &mut to);
    entry::push_notes(cx, act, &mut to);
    Some(cx.add(act, tree))
}

/// A device that only the statement's own code names.
fn coded_device(cx: &mut Context<'_>, code: Node<'_>) -> String {
    let mut tree = Tree::new("Device");
    let mut to = tree.edit();
    to.object("meta").push("profile", PROFILE);
    coded::set_concept(cx, Some(code), &mut to, "type");
    cx.set_patient(&mut to, "patient");
    cx.document.add_once(tree)
}

/// The Device of a participant; `None` where nothing names it.
pub(super) fn device(cx: &mut Context<'_>, participant: Node<'_>) -> Option<String> {
    let role = participant.get("participantRole")?;
    let entity = role.get("playingDevice").or(role.get("playingEntity"))?;
    let code = entity.get("code").filter(|code| coded::names_something(cx, *code));
    let identified = role.all("id").any(|id| id.peek("root").or(id.peek("extension")).is_some());
    let model = ["manufacturerModelName", "softwareName", "name"].iter().find_map(|name| entity.get(name)?.text());
    if code.is_none() && !identified && model.is_none() {
        return None;
    }
    let mut tree = Tree::new("Device");
    let mut to = tree.edit();
    to.object("meta").push("profile", PROFILE);
    for id in role.all("id") {
        unique_device(id, &mut to);
        parts::push_identifier(cx, id, &mut to, "identifier");
    }
    if let Some(model) = model {
        to.item("deviceName").set("name", &model).set("type", "model-name");
    }
    coded::require_concept(cx, code.or(entity.get("code")), &mut to, "type");
    cx.set_patient(&mut to, "patient");
    if let Some(owner) = role.get("scopingEntity").and_then(|owner| people::organization(cx, owner)) {
        to.object("owner").set("reference", &owner);
    }
    Some(cx.document.add_once(tree))
}

/// A UDI: its root is the issuing agency's.
fn unique_device(id: Node<'_>, to: &mut model::ElementMut<'_>) {
    const FDA: &str = "2.16.840.1.113883.3.3719";
    if let (Some(FDA), Some(carrier)) = (id.peek("root"), id.peek("extension")) {
        to.item("udiCarrier").set("carrierHRF", carrier);
    }
}
