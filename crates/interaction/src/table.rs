//! Everything that the server does, one row each. Requests find their function here, and the CapabilityStatement is made
//! of the same rows: what is not here is neither done nor declared.

use access::Verb;

use crate::call::Method;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::target::{Level, Target};
use crate::{
    answer::Answer, batch, bulk, capabilities, composition_document, conditional, convert, create, delete, diff,
    everything, history, import, lastn, meta, on_demand, patch, read, reindex, search_type, terminology, update,
    validate, vread,
};

/// What a row is in a CapabilityStatement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// `rest.resource.interaction.code` of every type
    Interaction(&'static str),
    /// `rest.interaction.code`
    System(&'static str),
    /// `rest.operation` or, for rows with types, `rest.resource.operation`: the canonical URL of its definition
    Operation(&'static str),
    /// Part of another row: `POST _search` of a search.
    Within,
}

/// One thing that the server does.
pub struct Row {
    /// FHIR's name of it, also in the log.
    pub name: &'static str,
    /// The method; `HEAD` finds the rows of `GET`.
    pub method: Method,
    /// How deep its path points.
    pub level: Level,
    /// What follows the path.
    pub word: &'static str,
    /// The types that it is for; empty for all.
    pub types: &'static [&'static str],
    /// What the caller needs leave for.
    pub verb: Verb,
    /// How it is declared.
    pub declared: Declared,
    /// How it is done.
    pub run: fn(&Request<'_>) -> Result<Answer, Refusal>,
}

impl Row {
    fn fits(&self, target: &Target) -> bool {
        let is_type = target.word.starts_with(|first: char| first.is_ascii_uppercase() || first == '*');
        let compartment = is_type
            && match self.word {
                "[type]" => !target.word.contains('/'),
                "[type]/_search" => target.word.contains('/'),
                _ => false,
            };
        self.level == target.level
            && (self.word == target.word || compartment)
            && (self.types.is_empty() || self.types.contains(&target.resource_type.as_str()))
    }
}

macro_rules! row {
    ($name:literal $method:ident $level:ident $word:literal $verb:ident $declared:expr, $run:path) => {
        row!($name $method $level $word [] $verb $declared, $run)
    };
    ($name:literal $method:ident $level:ident $word:literal [$($ty:literal),*] $verb:ident $declared:expr, $run:path) => {
        Row {
            name: $name,
            method: Method::$method,
            level: Level::$level,
            word: $word,
            types: &[$($ty),*],
            verb: Verb::$verb,
            declared: $declared,
            run: $run,
        }
    };
}

use Declared::{Interaction, Operation, System};

/// The rows.
pub static ROWS: &[Row] = &[
    row!("capabilities" Get System "metadata" Capabilities Declared::Within, capabilities::run),
    row!("read" Get Instance "" Read Interaction("read"), read::run),
    row!("vread" Get Version "" Read Interaction("vread"), vread::run),
    row!("create" Post Type "" Write Interaction("create"), create::run),
    row!("update" Put Instance "" Write Interaction("update"), update::run),
    row!("patch" Patch Instance "" Write Interaction("patch"), patch::run),
    row!("delete" Delete Instance "" Write Interaction("delete"), delete::run),
    row!("patch" Patch Type "" Write Declared::Within, patch::conditional),
    row!("update" Put Type "" Write Declared::Within, conditional::update),
    row!("delete" Delete Type "" Write Declared::Within, conditional::delete),
    row!("transaction" Post System "" Write System("transaction"), batch::run),
    row!("batch" Post System "" Write System("batch"), batch::run),
    row!("history-instance" Get Instance "_history" History Interaction("history-instance"), history::instance),
    row!("history-type" Get Type "_history" History Interaction("history-type"), history::of_type),
    row!("history-system" Get System "_history" History System("history-system"), history::system),
    row!("search-type" Get Type "" Search Interaction("search-type"), search_type::run),
    row!("search-type" Post Type "_search" Search Declared::Within, search_type::run),
    row!("search-system" Get System "" Search System("search-system"), search_type::run),
    row!("search-system" Post System "_search" Search Declared::Within, search_type::run),
    row!("search-compartment" Get Instance "[type]" Search Declared::Within, search_type::run),
    row!("search-compartment" Post Instance "[type]/_search" Search Declared::Within, search_type::run),
    row!("$validate" Post System "$validate" Compute Operation(VALIDATE), validate::run),
    row!("$validate" Post Type "$validate" Compute Declared::Within, validate::run),
    row!("$validate" Get Instance "$validate" Read Declared::Within, validate::stored),
    row!("$validate" Post Instance "$validate" Compute Declared::Within, validate::run),
    row!("$reindex" Post System "$reindex" Write Operation(REINDEX), reindex::run),
    row!("$reindex" Post Type "$reindex" Write Declared::Within, reindex::run),
    row!("$reindex" Get System "$reindex" Capabilities Declared::Within, reindex::progress),
    row!("$reindex" Get Type "$reindex" Capabilities Declared::Within, reindex::progress),
    row!("$meta" Get System "$meta" Search Operation(META), meta::in_use),
    row!("$meta" Get Type "$meta" Search Declared::Within, meta::in_use),
    row!("$meta" Get Instance "$meta" Read Declared::Within, meta::instance),
    row!("$meta" Get Version "$meta" Read Declared::Within, meta::version),
    row!("$meta" Post System "$meta" Search Declared::Within, meta::in_use),
    row!("$meta" Post Type "$meta" Search Declared::Within, meta::in_use),
    row!("$meta" Post Instance "$meta" Read Declared::Within, meta::instance),
    row!("$meta" Post Version "$meta" Read Declared::Within, meta::version),
    row!("$meta-add" Post Instance "$meta-add" Write Operation(META_ADD), meta::add),
    row!("$meta-delete" Post Instance "$meta-delete" Write Operation(META_DELETE), meta::delete),
    row!("$diff" Get System "$diff" Read Operation(DIFF), diff::system),
    row!("$diff" Get Instance "$diff" Read Declared::Within, diff::instance),
    row!("$diff" Post System "$diff" Read Declared::Within, diff::system),
    row!("$diff" Post Instance "$diff" Read Declared::Within, diff::instance),
    row!("$everything" Get Instance "$everything" ["Patient"] Search Operation(EVERYTHING), everything::instance),
    row!("$everything" Post Instance "$everything" ["Patient"] Search Declared::Within, everything::instance),
    row!("$everything" Get Type "$everything" ["Patient"] Search Declared::Within, everything::of_type),
    row!("$everything" Post Type "$everything" ["Patient"] Search Declared::Within, everything::of_type),
    row!("$everything" Get Instance "$everything" ["Encounter"] Search Operation(OF_ENCOUNTER), everything::instance),
    row!("$everything" Post Instance "$everything" ["Encounter"] Search Declared::Within, everything::instance),
    row!("$document" Get Instance "$document" ["Composition"] Search Operation(DOCUMENT), composition_document::run),
    row!("$document" Post Instance "$document" ["Composition"] Write Declared::Within, composition_document::run),
    row!("$document" Get Type "$document" ["Composition"] Search Declared::Within, composition_document::run),
    row!("$document" Post Type "$document" ["Composition"] Write Declared::Within, composition_document::run),
    row!("$lastn" Get Type "$lastn" ["Observation"] Search Operation(LASTN), lastn::run),
    row!("$lastn" Post Type "$lastn" ["Observation"] Search Declared::Within, lastn::run),
    row!("$export" Get System "$export" Search Operation(EXPORT), bulk::system),
    row!("$export" Post System "$export" Search Declared::Within, bulk::system),
    row!("$export" Get Type "$export" ["Patient"] Search Operation(EXPORT_PATIENT), bulk::patients),
    row!("$export" Post Type "$export" ["Patient"] Search Declared::Within, bulk::patients),
    row!("$export" Get Instance "$export" ["Group"] Search Operation(EXPORT_GROUP), bulk::group),
    row!("$export" Post Instance "$export" ["Group"] Search Declared::Within, bulk::group),
    row!("$export" Get System "$export-status" Search Declared::Within, bulk::status),
    row!("$export" Delete System "$export-status" Search Declared::Within, bulk::cancel),
    row!("$export" Get System "$export-output" Search Declared::Within, bulk::output),
    row!("$import" Post System "$import" Write Operation(IMPORT), import::run),
    row!("$expand" Post Type "$expand" ["ValueSet"] Compute Operation(EXPAND), terminology::expand),
    row!("$expand" Get Type "$expand" ["ValueSet"] Compute Declared::Within, terminology::expand),
    row!("$expand" Get Instance "$expand" ["ValueSet"] Read Declared::Within, terminology::expand),
    row!("$expand" Post Instance "$expand" ["ValueSet"] Read Declared::Within, terminology::expand),
    row!("$validate-code" Post Type "$validate-code" ["ValueSet"] Compute Operation(VALIDATE_CODE), terminology::validate_code),
    row!("$validate-code" Get Type "$validate-code" ["ValueSet"] Compute Declared::Within, terminology::validate_code),
    row!("$validate-code" Get Instance "$validate-code" ["ValueSet"] Read Declared::Within, terminology::validate_code),
    row!("$validate-code" Post Instance "$validate-code" ["ValueSet"] Read Declared::Within, terminology::validate_code),
    row!("$validate-code" Post Type "$validate-code" ["CodeSystem"] Compute Operation(VALIDATE_SYSTEM_CODE),
        terminology::validate_code_in_system),
    row!("$validate-code" Get Type "$validate-code" ["CodeSystem"] Compute Declared::Within, terminology::validate_code_in_system),
    row!("$validate-code" Get Instance "$validate-code" ["CodeSystem"] Read Declared::Within, terminology::validate_code_in_system),
    row!("$validate-code" Post Instance "$validate-code" ["CodeSystem"] Read Declared::Within, terminology::validate_code_in_system),
    row!("$lookup" Post Type "$lookup" ["CodeSystem"] Compute Operation(LOOKUP), terminology::lookup),
    row!("$lookup" Get Type "$lookup" ["CodeSystem"] Compute Declared::Within, terminology::lookup),
    row!("$subsumes" Post Type "$subsumes" ["CodeSystem"] Compute Operation(SUBSUMES), terminology::subsumes),
    row!("$subsumes" Get Type "$subsumes" ["CodeSystem"] Compute Declared::Within, terminology::subsumes),
    row!("$subsumes" Get Instance "$subsumes" ["CodeSystem"] Read Declared::Within, terminology::subsumes),
    row!("$subsumes" Post Instance "$subsumes" ["CodeSystem"] Read Declared::Within, terminology::subsumes),
    row!("$translate" Post Type "$translate" ["ConceptMap"] Compute Operation(TRANSLATE), terminology::translate),
    row!("$translate" Get Type "$translate" ["ConceptMap"] Compute Declared::Within, terminology::translate),
    row!("$translate" Get Instance "$translate" ["ConceptMap"] Read Declared::Within, terminology::translate),
    row!("$translate" Post Instance "$translate" ["ConceptMap"] Read Declared::Within, terminology::translate),
    row!("$batch-validate-code" Post System "$batch-validate-code" Compute Operation(BATCH_VALIDATE_CODE), terminology::batch),
    row!("$batch-validate-code" Post Type "$batch-validate-code" ["ValueSet", "CodeSystem"] Compute Declared::Within,
        terminology::batch),
    row!("$convert" Post System "$convert" Compute Operation(CONVERT), convert::run),
    row!("$summary" Get Instance "$summary" ["Patient"] Read Operation(SUMMARY), on_demand::summary),
    row!("$summary" Post Instance "$summary" ["Patient"] Read Declared::Within, on_demand::summary),
    row!("$summary" Get Type "$summary" ["Patient"] Search Declared::Within, on_demand::summary),
    row!("$summary" Post Type "$summary" ["Patient"] Search Declared::Within, on_demand::summary),
    row!("$report" Get Instance "$report" ["DiagnosticReport"] Read Operation(REPORT), on_demand::report),
    row!("$report" Post Instance "$report" ["DiagnosticReport"] Read Declared::Within, on_demand::report),
    row!("$discharge-report" Get Instance "$discharge-report" ["Encounter"] Read Operation(DISCHARGE), on_demand::discharge),
    row!("$discharge-report" Post Instance "$discharge-report" ["Encounter"] Read Declared::Within, on_demand::discharge),
];

/// <http://hl7.org/fhir/R4/resource-operation-validate.html>
const VALIDATE: &str = "http://hl7.org/fhir/OperationDefinition/Resource-validate";

/// <http://hl7.org/fhir/uv/ips/OperationDefinition/summary>
const SUMMARY: &str = "http://hl7.org/fhir/uv/ips/OperationDefinition/summary";

/// The definitions of `$report` and `$discharge-report`: ours, no standard has them.
const REPORT: &str = "urn:passerelle:OperationDefinition:report";
const DISCHARGE: &str = "urn:passerelle:OperationDefinition:discharge-report";

/// The definition of `$reindex`: ours, no standard has one.
const REINDEX: &str = "urn:passerelle:OperationDefinition:reindex";
/// <http://hl7.org/fhir/R4/operationslist.html>
const META: &str = "http://hl7.org/fhir/OperationDefinition/Resource-meta";
const META_ADD: &str = "http://hl7.org/fhir/OperationDefinition/Resource-meta-add";
const META_DELETE: &str = "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete";
const EVERYTHING: &str = "http://hl7.org/fhir/OperationDefinition/Patient-everything";
const OF_ENCOUNTER: &str = "http://hl7.org/fhir/OperationDefinition/Encounter-everything";
const DOCUMENT: &str = "http://hl7.org/fhir/OperationDefinition/Composition-document";
const LASTN: &str = "http://hl7.org/fhir/OperationDefinition/Observation-lastn";

/// <http://hl7.org/fhir/uv/bulkdata/STU2/export.html>
const EXPORT: &str = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export";
const EXPORT_PATIENT: &str = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export";
const EXPORT_GROUP: &str = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export";

/// The definition of `$import`: ours, no standard has one.
const IMPORT: &str = "urn:passerelle:OperationDefinition:import";

/// The definition of `$diff`: ours, no standard has one for R4.
const DIFF: &str = "urn:passerelle:OperationDefinition:diff";

/// <http://hl7.org/fhir/R4/valueset-operation-expand.html>
const EXPAND: &str = "http://hl7.org/fhir/OperationDefinition/ValueSet-expand";

/// <http://hl7.org/fhir/R4/valueset-operation-validate-code.html>
const VALIDATE_CODE: &str = "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code";

/// <http://hl7.org/fhir/R4/codesystem-operation-validate-code.html>
const VALIDATE_SYSTEM_CODE: &str = "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code";

/// <http://hl7.org/fhir/R4/codesystem-operation-lookup.html>
const LOOKUP: &str = "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup";

/// <http://hl7.org/fhir/R4/codesystem-operation-subsumes.html>
const SUBSUMES: &str = "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes";

/// <http://hl7.org/fhir/R4/conceptmap-operation-translate.html>
const TRANSLATE: &str = "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate";

/// The definition of `$batch-validate-code`: terminology clients ask it of the services that they know; R4 has none.
const BATCH_VALIDATE_CODE: &str = "urn:passerelle:OperationDefinition:batch-validate-code";

/// The definition of `$convert`: ours, no standard has one.
const CONVERT: &str = "urn:passerelle:OperationDefinition:convert";

/// The row for a request.
///
/// # Errors
/// [`Class::MethodNotAllowed`] with the methods that there are, [`Class::NotSupported`] where no row has this path.
pub(crate) fn find(method: Method, target: &Target) -> Result<&'static Row, Refusal> {
    let method = if method == Method::Head { Method::Get } else { method };
    if let Some(row) = ROWS.iter().find(|row| row.method == method && row.fits(target)) {
        return Ok(row);
    }
    let methods = methods(target);
    if methods.is_empty() {
        let text = match target.word.as_str() {
            "" => "There is nothing under this path.".to_owned(),
            word => format!("{word} is not known here."),
        };
        return Err(Refusal::new(Class::NotSupported, text));
    }
    let allow = methods.join(", ");
    let mut refusal = Refusal::new(Class::MethodNotAllowed, format!("This path takes {allow}."));
    refusal.allow = Some(allow);
    Err(refusal)
}

/// The methods of the rows that fit a path, each once.
pub(crate) fn methods(target: &Target) -> Vec<&'static str> {
    let mut methods: Vec<&str> = Vec::new();
    for row in ROWS.iter().filter(|row| row.fits(target)) {
        for name in [row.method.name(), if row.method == Method::Get { "HEAD" } else { row.method.name() }] {
            if !methods.contains(&name) {
                methods.push(name);
            }
        }
    }
    methods
}
