//! One adapter a suite, and the table of them.

mod account;
mod accounting;
mod contract;
mod conversion;
mod converted;
mod dicom_accounting;
mod exchange;
mod fhir_accounting;
mod gematik;
mod guide_examples;
mod hl7v2_accounting;
mod identity;
mod mutations;
mod patch;
mod round_trips;
mod terminology;
mod validator;

use std::path::PathBuf;

use ledger::Report;

/// A suite that the command line can run.
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, and what the paths are.
    pub about: &'static str,
    /// Runs it; an error is what kept it from running.
    pub run: fn(&[PathBuf]) -> Result<Report, String>,
}

/// Every suite.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "contract",
        about: "the command line's contract, driven over the source documents in DIR (examples); needs the program built",
        run: contract::run,
    },
    Suite {
        name: "json-examples",
        about: "JSON to tree to JSON, and JSON to XML and back, identical; DIR of hl7.fhir.r4.examples, unpacked",
        run: identity::examples,
    },
    Suite { name: "json-corpus", about: "the same for the FHIR JSON below DIR, of any origin", run: identity::corpus },
    Suite {
        name: "conversion",
        about: "every file of the corpus DIR is converted or refused in words; pivot documents of level 3 are converted",
        run: conversion::run,
    },
    Suite {
        name: "converted",
        about: "what the CDA, HL7 v2 and DICOM of the corpus DIR become is valid, or the report names the source's defect",
        run: converted::run,
    },
    Suite {
        name: "accounting",
        about: "each code, quantity, date, identifier and text of the corpus' CDA stands in the document or in the report",
        run: accounting::run,
    },
    Suite {
        name: "fhir-accounting",
        about: "each fact of the corpus' FHIR texts stands in the document or in the report",
        run: fhir_accounting::run,
    },
    Suite {
        name: "hl7v2-accounting",
        about: "each component of the corpus' HL7 v2 messages stands in the document, or in the report at its field",
        run: hl7v2_accounting::run,
    },
    Suite {
        name: "dicom-accounting",
        about: "each text, code, name, date and number of the corpus' DICOM objects stands in the document or in the report",
        run: dicom_accounting::run,
    },
    Suite {
        name: "exchange",
        about: "pivot documents of level 3 in the corpus DIR published, found and retrieved over HTTP; needs the program built",
        run: exchange::run,
    },
    Suite {
        name: "guide-examples",
        about: "the European guides' own examples in the corpus DIR are valid",
        run: guide_examples::run,
    },
    Suite {
        name: "package-examples",
        about: "the examples in the packages of the European and IHE guides, unpacked as DIR/NAME#VERSION/package, are valid",
        run: guide_examples::packages,
    },
    Suite {
        name: "round-trips",
        about: "documents of the corpus DIR stored, taken apart and asked for again say the same; so does their XML",
        run: round_trips::run,
    },
    Suite { name: "patch", about: "HL7's cases of FHIRPath Patch, JSON Patch and XML Patch in DIR", run: patch::run },
    Suite {
        name: "terminology",
        about: "the published tests of terminology services that are marked general; the corpus DIR",
        run: terminology::run,
    },
    Suite {
        name: "validator",
        about: "verdicts of the reference validator on the cases of the corpus DIR",
        run: validator::cases,
    },
    Suite {
        name: "mutations",
        about: "single faults put into the valid European documents of the corpus DIR are found at their places",
        run: mutations::run,
    },
    Suite {
        name: "gematik",
        about: "German ePrescriptions of the corpus DIR, held against the packages that it has",
        run: gematik::run,
    },
];
