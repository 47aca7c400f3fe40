//! The page of source and document side by side: what is lost is in it, in red; what the source says cannot become markup.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use convert::{Source, explain, explain_refusal};

fn page(text: &str) -> String {
    let draft = support::converted(text);
    explain(&Source { name: Some("a<b>.xml"), ..Source::new(text.as_bytes()) }, &draft)
}

#[test]
fn sections_stand_beside_what_they_became() {
    let text = support::summary(
        "11450-4",
        "<text><list><item>Asthma &amp; cough</item></list></text><entry><act classCode='ACT' moodCode='EVN'><code code='CONC' \
         codeSystem='2.16.840.1.113883.5.6'/><entryRelationship typeCode='SUBJ'><observation classCode='OBS' moodCode='EVN'>\
         <code code='55607006' codeSystem='2.16.840.1.113883.6.96'/><value xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
         xsi:type='CD' code='195967001' codeSystem='2.16.840.1.113883.6.96' displayName='Asthma'/></observation>\
         </entryRelationship></act></entry>",
    );
    let page = page(&text);
    assert!(page.contains("<li>Asthma &amp; cough</li>"), "{page}");
    assert!(page.contains("<td>Asthma</td>"), "{page}");
    assert!(page.contains("a&lt;b&gt;.xml") && page.contains("A B · born 1980"), "{page}");
}

#[test]
fn what_is_refuted_is_not_called_active() {
    let denied = "<text>x</text><entry><observation classCode='OBS' moodCode='EVN' negationInd='true'>\
         <code code='55607006' codeSystem='2.16.840.1.113883.6.96'/><statusCode code='completed'/><value \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='CD' code='195967001' \
         codeSystem='2.16.840.1.113883.6.96' displayName='Asthma'/></observation></entry>";
    let page = page(&support::summary("11450-4", denied));
    assert!(page.contains("<td>refuted (not present)</td>"), "{page}");
    assert!(!page.contains("active"), "{page}");
    assert!(page.contains("<td>DENIED: it is not so</td>"), "{page}");
}

#[test]
fn all_that_the_patient_has_become_is_shown() {
    let text = support::summary("11450-4", "<text>x</text>")
        .replace("<patient>", "<addr><city>Brno</city></addr><telecom value='tel:+420-555-010-010'/><patient>");
    let page = page(&text);
    for row in ["<td>address city</td><td>Brno</td>", "<td>telecom value</td><td>+420-555-010-010</td>"] {
        assert!(page.contains(row), "{row}: {page}");
    }
}

#[test]
fn a_loss_is_red_and_names_its_place() {
    let text = support::summary("11450-4", "<text>x</text>")
        .replace("</ClinicalDocument>", "<copyTime value='20260101'/></ClinicalDocument>");
    let page = page(&text);
    assert!(page.contains("<div class=\"loss\">") && page.contains("/ClinicalDocument/copyTime"), "{page}");
}

#[test]
fn nothing_of_a_source_becomes_markup() {
    let evil = "&lt;script&gt;alert(1)&lt;/script&gt;";
    let page = page(&support::summary("11450-4", &format!("<text><paragraph>{evil}</paragraph></text>")));
    assert!(!page.contains("<script") && page.contains("default-src 'none'"));
    let json = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","name":[{"family":"<img src=x>"}]}},
        {"resource":{"resourceType":"Condition","code":{"text":"<script>x</script>"},"subject":{"reference":"Patient/p"}}}]}"#;
    let draft = support::converted(json);
    let page = explain(&Source::new(json.as_bytes()), &draft);
    assert!(!page.contains("<script") && !page.contains("<img") && page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn a_refusal_has_a_page_too() {
    let refusal = support::convert_bytes(b"hello").unwrap_err();
    let page = explain_refusal(&Source::new(b"hello"), &refusal.issues);
    assert!(page.contains("<div class=\"loss\">") && page.contains("no format"), "{page}");
}
