//! Resources without a document: where each came from, and where references between them lead.
//! <http://hl7.org/fhir/R4/bundle.html#references>

use std::collections::HashMap;

use model::{Element, ElementId, Issue, IssueType, Position, Tree};

use crate::{Report, identity};

/// One resource.
pub(crate) struct Member {
    /// Its `fullUrl` in the document.
    pub(crate) url: String,
    /// Its path in the source.
    pub(crate) path: String,
    /// Where it begins in the source.
    pub(crate) position: Option<Position>,
    /// The resource.
    pub(crate) tree: Tree,
    /// Whether it stands inside another resource, and is no entry.
    pub(crate) inside: bool,
}

impl Member {
    /// Its resource type.
    pub(crate) fn kind(&self) -> &str {
        self.tree.resource_type()
    }

    /// Its root.
    pub(crate) fn root(&self) -> Element<'_> {
        self.tree.root()
    }
}

/// Resources that refer to each other.
#[derive(Default)]
pub(crate) struct Pool {
    /// In the order of the source.
    pub(crate) members: Vec<Member>,
    /// The labels of the Bundle that they came in, as a Meta.
    pub(crate) labels: Option<Tree>,
    by_key: HashMap<String, usize>,
}

impl Pool {
    /// The resources of a Bundle. What else the Bundle holds is in the report.
    pub(crate) fn of_bundle(bundle: Element<'_>, seed: &[u8; 32], report: &mut Report) -> Pool {
        let mut pool = Pool::default();
        let meta = bundle.get("meta").into_iter().flat_map(Element::children);
        let (labels, rest): (Vec<_>, Vec<_>) = meta.partition(|child| matches!(child.name(), "security" | "tag"));
        for label in labels {
            pool.labels.get_or_insert_with(|| Tree::new("Meta")).edit().copy(label);
        }
        let own = bundle.children().filter(|child| !matches!(child.name(), "entry" | "meta"));
        for element in own.chain(rest) {
            left_out(report, element, "It tells of the Bundle that the source was, not of the document.");
        }
        for entry in bundle.all("entry") {
            for element in entry.children().filter(|child| !matches!(child.name(), "fullUrl" | "resource")) {
                left_out(report, element, "It tells how the resource was exchanged, and a document does not.");
            }
            let Some(resource) = entry.get("resource") else { continue };
            if resource.resource_type() == Some("OperationOutcome") {
                left_out(report, resource, "It tells of a search, not of a patient.");
                continue;
            }
            pool.add(entry.text_at("fullUrl"), resource, seed, report);
        }
        pool.redirect();
        pool
    }

    /// Resources with the absolute URLs that they are read under.
    pub(crate) fn of_resources(resources: Vec<(String, Tree)>) -> Pool {
        let mut pool = Pool::default();
        for (url, tree) in resources {
            let place = pool.members.len();
            pool.by_key.insert(url.clone(), place);
            let path = tree
                .root()
                .text_at("id")
                .map_or_else(|| tree.resource_type().to_owned(), |id| format!("{}/{id}", tree.resource_type()));
            pool.by_key.entry(path.clone()).or_insert(place);
            pool.members.push(Member { url, path, position: None, tree, inside: false });
        }
        pool
    }

    fn add(&mut self, full_url: Option<&str>, resource: Element<'_>, seed: &[u8; 32], report: &mut Report) {
        let known = full_url.and_then(|url| self.by_key.get(url)).and_then(|place| self.members.get(*place));
        if let Some(known) = known {
            let twin = Tree::from_element(resource);
            if model::json::to_string(twin.root()) == model::json::to_string(known.root()) {
                report.issues.push(
                    Issue::information(
                        IssueType::Duplicate,
                        resource.path(),
                        "The same resource stands in the source before; it is in the document once.",
                    )
                    .at(resource.position()),
                );
                return;
            }
            let text = "Another resource of the source has the same fullUrl; both are in the document, this one under a new one.";
            report.issues.push(Issue::warning(IssueType::Duplicate, resource.path(), text).at(resource.position()));
        }
        let path = resource.path();
        let place = self.members.len();
        let usable = full_url.filter(|url| known.is_none() && is_absolute(url));
        let url = usable.map_or_else(|| format!("urn:uuid:{}", identity::uuid(seed, &path)), str::to_owned);
        for key in [full_url, Some(url.as_str())].into_iter().flatten() {
            self.by_key.entry(key.to_owned()).or_insert(place);
        }
        if let (Some(kind), Some(id)) = (resource.resource_type(), resource.text_at("id")) {
            self.by_key.entry(format!("{kind}/{id}")).or_insert(place);
        }
        let tree = Tree::from_element(resource);
        self.members.push(Member { url, path, position: resource.position(), tree, inside: false });
    }

    /// Takes up a resource that was made, not found.
    pub(crate) fn adopt(&mut self, member: Member) {
        self.by_key.insert(member.url.clone(), self.members.len());
        self.members.push(member);
    }

    /// Keeps the members that `keep` holds, by place; the other resources are no longer found.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let members = std::mem::take(&mut self.members);
        let mut places = vec![None; members.len()];
        for (place, member) in members.into_iter().enumerate() {
            if keep.get(place) == Some(&true) {
                if let Some(slot) = places.get_mut(place) {
                    *slot = Some(self.members.len());
                }
                self.members.push(member);
            }
        }
        self.by_key.retain(|_, place| match places.get(*place).copied().flatten() {
            Some(now) => {
                *place = now;
                true
            }
            None => false,
        });
    }

    /// Where a reference that stands in a member leads.
    pub(crate) fn resolve(&self, reference: &str, from: &str) -> Option<usize> {
        let (reference, _) = reference.split_once("/_history/").unwrap_or((reference, ""));
        if let Some(base) = base(from)
            && let Some(place) = self.by_key.get(&format!("{base}/{reference}"))
        {
            return Some(*place);
        }
        self.by_key.get(reference).copied()
    }

    /// The member that a reference element of another leads to.
    pub(crate) fn follow(&self, from: &Member, reference: Option<Element<'_>>) -> Option<&Member> {
        let place = self.resolve(reference?.text_at("reference")?, &from.url)?;
        self.members.get(place)
    }

    /// Leads references that a reader of the document could not resolve to the `fullUrl` of what they mean.
    fn redirect(&mut self) {
        let mut changes: Vec<(usize, ElementId, String)> = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            for (element, target) in self.references(member) {
                let text = element.text().unwrap_or_default();
                let Some(url) = self.members.get(target).map(|target| target.url.as_str()) else { continue };
                let reads = base(&member.url).map(|base| format!("{base}/{text}"));
                if text != url && reads.as_deref() != Some(url) {
                    changes.push((place, element.id(), url.to_owned()));
                }
            }
        }
        for (place, id, url) in changes {
            if let Some(member) = self.members.get_mut(place) {
                member.tree.edit_at(id).set_value(url.as_str());
            }
        }
    }

    /// The references of a member to others, with the element that holds the text.
    pub(crate) fn references<'m>(&self, member: &'m Member) -> Vec<(Element<'m>, usize)> {
        let all = member.root().descendants().into_iter().filter(|element| element.name() == "reference");
        all.filter_map(|element| Some((element, self.resolve(element.text()?, &member.url)?))).collect()
    }

    /// Leads every reference of a member to the `fullUrl` that it means, for a place where relative ones mean something else.
    pub(crate) fn lead(&mut self, place: usize) {
        let Some(member) = self.members.get(place) else { return };
        let led: Vec<_> = self
            .references(member)
            .into_iter()
            .filter_map(|(element, target)| Some((element.id(), self.members.get(target)?.url.clone())))
            .collect();
        if let Some(member) = self.members.get_mut(place) {
            for (id, url) in led {
                member.tree.edit_at(id).set_value(url.as_str());
            }
        }
    }

    /// The only patient that the resources are about; `Err` names them where they are several, or none. A resource about
    /// a Patient who is not there counts as one about somebody else.
    pub(crate) fn patient(&self) -> Result<usize, Vec<String>> {
        let patients: Vec<usize> = (0..self.members.len()).filter(|place| self.kind(*place) == "Patient").collect();
        let mut named: Vec<usize> = Vec::new();
        let mut strangers: Vec<String> = Vec::new();
        for member in &self.members {
            for name in ["subject", "patient"] {
                let Some(reference) = member.root().text_at(&format!("{name}.reference")) else { continue };
                let target = self.resolve(reference, &member.url);
                let literal = reference.rsplit_once("Patient/").is_some_and(|(_, id)| !id.is_empty());
                if target.is_none() && literal && !strangers.iter().any(|known| known == reference) {
                    strangers.push(reference.to_owned());
                }
                if let Some(place) = target.filter(|place| self.kind(*place) == "Patient" && !named.contains(place)) {
                    named.push(place);
                }
            }
        }
        match (patients.as_slice(), named.as_slice()) {
            (_, _) if !strangers.is_empty() && !patients.is_empty() => {
                strangers.extend(patients.iter().map(|place| self.path(*place)));
                Err(strangers)
            }
            ([one], _) | (_, [one]) => Ok(*one),
            (_, []) => Err(patients.iter().map(|place| self.path(*place)).collect()),
            (_, several) => Err(several.iter().map(|place| self.path(*place)).collect()),
        }
    }

    fn path(&self, place: usize) -> String {
        self.members.get(place).map(|member| member.path.clone()).unwrap_or_default()
    }

    fn kind(&self, place: usize) -> &str {
        self.members.get(place).map(Member::kind).unwrap_or_default()
    }
}

/// Says that an element is not in the document.
pub(super) fn left_out(report: &mut Report, element: Element<'_>, why: &str) {
    let issue = Issue::information(IssueType::Informational, element.path(), format!("Not in the document: {why}"));
    report.issues.push(issue.with_rule("left-out").at(element.position()));
}

/// Whether a URL can be a `fullUrl`.
pub(super) fn is_absolute(url: &str) -> bool {
    ["http://", "https://", "urn:uuid:", "urn:oid:"].iter().any(|scheme| url.starts_with(scheme))
}

/// `http://…/fhir` of `http://…/fhir/Patient/1`.
pub(super) fn base(url: &str) -> Option<&str> {
    if !url.starts_with("http") {
        return None;
    }
    let (rest, id) = url.rsplit_once('/')?;
    let (base, kind) = rest.rsplit_once('/')?;
    (!id.is_empty() && super::kind::of(kind).is_some()).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> (Pool, Report) {
        let tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let mut report = Report::default();
        (Pool::of_bundle(tree.root(), &[1; 32], &mut report), report)
    }

    #[test]
    fn references_lead_to_entries_whatever_their_urls_are() {
        let (pool, report) = pool(
            r#"{"resourceType":"Bundle","meta":{"lastUpdated":"2026-01-02T03:04:05Z","security":[{"code":"R"}]},"total":2,"entry":[{"resource":{"resourceType":"Patient","id":"p"}},
            {"fullUrl":"http://a.example/fhir/Condition/c","search":{"mode":"match"},
             "resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"}}},
            {"fullUrl":"http://a.example/fhir/Condition/c","resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"}}}]}"#,
        );
        assert_eq!(pool.members.len(), 2);
        assert!(pool.members[0].url.starts_with("urn:uuid:"));
        assert_eq!(pool.members[1].url, "http://a.example/fhir/Condition/c");
        assert_eq!(pool.members[1].root().text_at("subject.reference"), Some(pool.members[0].url.as_str()));
        assert_eq!(pool.patient(), Ok(0));
        let told: Vec<&str> = report.issues.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(
            told,
            ["Bundle.total", "Bundle.meta.lastUpdated", "Bundle.entry[1].search", "Bundle.entry[2].resource"]
        );
        assert_eq!(pool.labels.unwrap().root().text_at("security.code"), Some("R"));
    }

    #[test]
    fn resources_of_several_patients_are_told_apart() {
        let (pool, _) = pool(
            r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"a"}},
            {"resource":{"resourceType":"Patient","id":"b"}},
            {"resource":{"resourceType":"Condition","subject":{"reference":"Patient/a"}}},
            {"resource":{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/b"}}}]}"#,
        );
        assert_eq!(pool.patient(), Err(vec!["Bundle.entry[0].resource".into(), "Bundle.entry[1].resource".into()]));
    }
}
