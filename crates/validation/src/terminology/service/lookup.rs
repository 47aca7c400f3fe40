//! `CodeSystem/$lookup` and `CodeSystem/$subsumes`
//! (<http://hl7.org/fhir/R4/codesystem-operation-lookup.html>,
//! <http://hl7.org/fhir/R4/codesystem-operation-subsumes.html>).

use model::{Element, ElementMut, IssueType, Tree};

use super::asked::{parameter, parameters, text};
use super::concept::{value_name, write_value};
use super::finding::{Failure, Finding};
use super::name::{Known, preferred};
use super::{Place, Service};
use crate::terminology::{Coding, grammar};

impl Service {
    /// `CodeSystem/$lookup`: Parameters in, Parameters out.
    ///
    /// # Errors
    /// The code system or the code is not here, or nothing is asked.
    pub fn lookup(&mut self, request: Element<'_>) -> Result<Tree, Failure> {
        let coding = parameter(request, "coding").and_then(Coding::of).or_else(|| {
            Some(Coding {
                system: text(request, "system"),
                version: text(request, "version"),
                code: text(request, "code")?,
                display: None,
            })
        });
        let Some(coding) = coding.filter(|coding| coding.system.is_some()) else {
            return Err(Failure::malformed("Nothing to look up: there is neither coding nor system and code"));
        };
        self.prepare(None)?;
        let url = coding.system.unwrap_or_default();
        if self.terms.catalog().code_system(url).is_none() && grammar::judge(url, coding.code) == Some(true) {
            return Ok(of_grammar(url, coding.code));
        }
        let known = self.find(url, coding.version, coding.code)?;
        let wanted: Vec<&str> = parameters(request, "property").filter_map(Element::text).collect();
        Ok(self.described(&known, &wanted))
    }

    /// A concept that must be there.
    fn find(&self, url: &str, version: Option<&str>, code: &str) -> Result<Known, Failure> {
        let (wanted, _) = self.meant(url, version);
        let Some(system) = self.system(url, wanted.as_deref()) else {
            let finding = self.missing_system(url, wanted.as_deref(), &Place::default(), true);
            return Err(Failure::not_found("not-found", finding.text.replace(", so the code cannot be validated", "")));
        };
        match system.find(code) {
            Some(index) => Ok(Known { system, index: Some(index) }),
            None => {
                let version = system.version.as_deref().map(|version| format!(" version '{version}'"));
                let part = match super::member::is_all_here(&system) {
                    true => "",
                    false => " (only a part of it is here)",
                };
                let text =
                    format!("Unknown code '{code}' in the CodeSystem '{url}'{}{part}", version.unwrap_or_default());
                Err(Failure::not_found("invalid-code", text))
            }
        }
    }

    fn described(&self, known: &Known, wanted: &[&str]) -> Tree {
        let mut tree = Tree::new("Parameters");
        let mut root = tree.edit();
        let system = &known.system;
        let Some(index) = known.index else { return tree };
        let names = self.names(known, None);
        let display = preferred(&names, &self.asked.languages);
        let mut add = |name: &str, kind: &str, value: Option<&str>| {
            if let Some(value) = value {
                root.item("parameter").set("name", name).set(kind, value);
            }
        };
        add("name", "valueString", Some(&*system.name).filter(|name| !name.is_empty()).or(Some(&*system.url)));
        add("version", "valueString", system.version.as_deref());
        add("system", "valueUri", Some(&system.url));
        add("code", "valueCode", Some(system.code(index)));
        add("display", "valueString", display.map(|name| name.value.as_str()).or(Some(system.code(index))));
        add("definition", "valueString", system.definition(index));
        root.item("parameter").set("name", "abstract").set("valueBoolean", system.is_abstract(index));
        for supplement in &self.supplements {
            let name = super::validate::versioned(supplement);
            root.item("parameter").set("name", "used-supplement").set("valueCanonical", name.as_str());
        }
        let all = wanted.is_empty() || wanted.contains(&"*");
        let wants = |name: &str| all || wanted.contains(&name);
        for name in
            names.iter().filter(|name| wants("designation") && (name.designation.is_some() || name.language.is_some()))
        {
            let mut item = root.item("parameter");
            item.set("name", "designation");
            if let Some(language) = &name.language {
                item.item("part").set("name", "language").set("valueCode", language.as_str());
            }
            if let Some((system, code)) =
                name.designation.as_ref().and_then(|one| one.usage.as_deref()?.rsplit_once('|'))
                && !code.is_empty()
            {
                let mut part = item.item("part");
                part.set("name", "use");
                part.object("valueCoding").set("system", system).set("code", code);
            }
            item.item("part").set("name", "value").set("valueString", name.value.as_str());
            if let Some(source) = &name.source {
                item.item("part").set("name", "source").set("valueCanonical", source.as_str());
            }
        }
        self.write_properties(known, index, &wants, &mut root);
        tree
    }

    fn write_properties(&self, known: &Known, index: usize, wants: &dyn Fn(&str) -> bool, root: &mut ElementMut<'_>) {
        let system = &known.system;
        let mut add = |code: &str, kind: &str, value: &str, description: Option<&str>| {
            let mut item = root.item("parameter");
            item.set("name", "property");
            item.item("part").set("name", "code").set("valueCode", code);
            write_value(item.item("part").set("name", "value"), kind, value);
            if let Some(description) = description {
                item.item("part").set("name", "description").set("valueString", description);
            }
        };
        if wants("inactive") {
            add("inactive", "valueBoolean", if system.is_inactive(index) { "true" } else { "false" }, None);
        }
        let mut related: Vec<(&str, &str)> = Vec::new();
        for (code, others) in [("parent", system.parents(index)), ("child", system.children(index))] {
            for other in others.iter().filter(|_| wants(code)) {
                let other = *other as usize;
                related.push((code, system.code(other)));
                add(code, "valueCode", system.code(other), system.display(other));
            }
        }
        for property in system.properties_of(index) {
            let told = related.contains(&(property.code, property.value)) || property.code == "inactive";
            if wants(property.code) && !told {
                add(property.code, value_name(property.kind), property.value, None);
            }
        }
    }

    /// `CodeSystem/$subsumes`: Parameters in, Parameters out.
    ///
    /// # Errors
    /// The code system or one of the codes is not here, or less than two codes are asked about.
    pub fn subsumes(&mut self, request: Element<'_>) -> Result<Tree, Failure> {
        let coding = |name: &str| parameter(request, name).and_then(Coding::of);
        let (a, b) = (coding("codingA"), coding("codingB"));
        let codes =
            (a.map(|one| one.code).or(text(request, "codeA")), b.map(|one| one.code).or(text(request, "codeB")));
        let own = [a, b].into_iter().flatten().find_map(|one| one.system);
        let system = text(request, "system").or_else(|| text(request, "url")).or(own);
        let (Some(system), (Some(left), Some(right))) = (system, codes) else {
            return Err(Failure::malformed(
                "Nothing to compare: there are neither codingA and codingB nor system, codeA and codeB",
            ));
        };
        if [a, b].into_iter().flatten().any(|one| one.system.is_some_and(|own| own != system)) {
            let text = "Codes of different code systems do not subsume each other";
            return Err(Failure::unprocessable(Finding::error(IssueType::Invalid, "invalid-data", "", text)));
        }
        let version = text(request, "version").or(a.and_then(|one| one.version));
        let (left, right) = (self.find(system, version, left)?, self.find(system, version, right)?);
        let outcome = match (left.index, right.index) {
            (Some(one), Some(other)) if one == other => "equivalent",
            (Some(one), Some(other)) if left.system.is_a(other, one) => "subsumes",
            (Some(one), Some(other)) if left.system.is_a(one, other) => "subsumed-by",
            _ => "not-subsumed",
        };
        let mut tree = Tree::new("Parameters");
        tree.edit().item("parameter").set("name", "outcome").set("valueCode", outcome);
        Ok(tree)
    }
}

fn of_grammar(url: &str, code: &str) -> Tree {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    for (name, kind, value) in [
        ("name", "valueString", url),
        ("system", "valueUri", url),
        ("code", "valueCode", code),
        ("display", "valueString", code),
    ] {
        root.item("parameter").set("name", name).set(kind, value);
    }
    tree
}
