//! The table of source formats: one row per folder.

use crate::{Draft, Knowledge, Options, Refusal, Source};

/// One source format.
#[derive(Debug)]
pub struct Format {
    /// Short name, the folder's.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Whether bytes with this media type look like the format. Cheap; never reads the whole document.
    pub(crate) sniff: fn(&[u8], Option<&str>) -> bool,
    pub(crate) convert: fn(&Knowledge<'_>, &Source<'_>, &Options) -> Result<Draft, Refusal>,
}

static FORMATS: [Format; 5] =
    [crate::pdf::FORMAT, crate::dicom::FORMAT, crate::hl7v2::FORMAT, crate::cda::FORMAT, crate::fhir::FORMAT];

/// All source formats, in the order in which they are tried.
pub fn formats() -> &'static [Format] {
    &FORMATS
}

/// The format of a document, by its first bytes; the media type only decides what the bytes leave open.
pub fn sniff(bytes: &[u8], content_type: Option<&str>) -> Option<&'static Format> {
    FORMATS.iter().find(|format| (format.sniff)(bytes, content_type))
}

#[cfg(test)]
mod tests {
    use super::sniff;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let name = |bytes: &[u8]| sniff(bytes, None).map(|format| format.name);
        assert_eq!(name(b"<?xml version='1.0'?><!-- x --><ClinicalDocument xmlns='urn:hl7-org:v3'/>"), Some("cda"));
        assert_eq!(name(b"<n1:ClinicalDocument xmlns:n1='urn:hl7-org:v3'/>"), Some("cda"));
        assert_eq!(name(b"  {\"resourceType\":\"Bundle\"}"), Some("fhir"));
        assert_eq!(name(b"<Bundle xmlns=\"http://hl7.org/fhir\"/>"), Some("fhir"));
        assert_eq!(name(b"\x0bMSH|^~\\&|"), Some("hl7v2"));
        assert_eq!(name(b"MSHX"), None);
        assert_eq!(name(&[&[0; 128][..], b"DICM"].concat()), Some("dicom"));
        assert_eq!(name(b"\x08\x00\x05\x00CS\x0a\x00"), Some("dicom"));
        assert_eq!(name(b"%PDF-1.7\n"), Some("pdf"));
        assert_eq!(name(b""), None);
        assert_eq!(name(&[0xff, 0xfe, 0x00]), None);
    }
}
