//! Cases of negation, nullity, status, dose and identity that a naive map gets wrong: each asserts what must stand in the
//! document and what must not.

mod support;

use support::{converted, document, first, section, summary};

/// Entry content, resource type, texts that must be in its JSON, texts that must not.
type Case = (&'static str, &'static str, String, &'static str, &'static [&'static str], &'static [&'static str]);

fn check(cases: Vec<Case>) {
    for (name, code, content, kind, must, must_not) in cases {
        let draft = converted(&summary(code, &content));
        let found = first(&draft, kind);
        assert!(!found.is_empty(), "{name}: no {kind}");
        for text in must {
            assert!(found.contains(text), "{name}: {text} is missing in {found}");
        }
        for text in must_not {
            assert!(!found.contains(text), "{name}: {text} must not be in {found}");
        }
    }
}

fn allergy(attributes: &str, inner: &str) -> String {
    format!(
        "<entry><act classCode='ACT' moodCode='EVN'><code code='CONC' codeSystem='2.16.840.1.113883.5.6'/>\
         <statusCode code='active'/><entryRelationship typeCode='SUBJ'><observation classCode='OBS' moodCode='EVN' \
         {attributes}>{inner}</observation></entryRelationship></act></entry>"
    )
}

fn agent(code: &str) -> String {
    format!(
        "<participant typeCode='CSM'><participantRole classCode='MANU'><playingEntity classCode='MMAT'>{code}\
         </playingEntity></participantRole></participant>"
    )
}

const KIND: &str = "<code code='419199007' codeSystem='2.16.840.1.113883.6.96'/>";
const PENICILLIN: &str = "<code code='764146007' codeSystem='2.16.840.1.113883.6.96' displayName='Penicillin'/>";

#[test]
fn allergies() {
    let text = "<text><content ID='t'>Peanuts</content></text>";
    check(vec![
        (
            "an allergy",
            "48765-2",
            allergy("", &format!("{KIND}{}", agent(PENICILLIN))),
            "AllergyIntolerance",
            &["764146007", "\"active\""],
            &["refuted", "716186003"],
        ),
        (
            "denied of a substance",
            "48765-2",
            allergy("negationInd='true'", &format!("{KIND}{}", agent(PENICILLIN))),
            "AllergyIntolerance",
            &["764146007", "refuted"],
            &["716186003"],
        ),
        (
            "denied in general",
            "48765-2",
            allergy("negationInd='true'", &format!("{KIND}{}", agent("<code nullFlavor='NA'/>"))),
            "AllergyIntolerance",
            &["716186003"],
            &["refuted"],
        ),
        (
            "denied of drugs",
            "48765-2",
            allergy("negationInd='true'", "<code code='416098002' codeSystem='2.16.840.1.113883.6.96'/>"),
            "AllergyIntolerance",
            &["409137002"],
            &["716186003", "refuted"],
        ),
        (
            "denied of one allergy by value",
            "48765-2",
            allergy(
                "negationInd='true'",
                &format!("{KIND}<value xsi:type='CD' code='91936005' codeSystem='2.16.840.1.113883.6.96'/>"),
            ),
            "AllergyIntolerance",
            &["91936005", "refuted"],
            &["716186003"],
        ),
        (
            "no known allergies by value, denied once more",
            "48765-2",
            allergy(
                "negationInd='true'",
                &format!("{KIND}<value xsi:type='CD' code='160244002' codeSystem='2.16.840.1.113883.6.96'/>"),
            ),
            "AllergyIntolerance",
            &["160244002"],
            &["refuted"],
        ),
        (
            "no known allergies by value beside a null agent",
            "48765-2",
            allergy(
                "",
                &format!(
                    "{KIND}<value xsi:type='CD' code='no-known-allergies' codeSystem='2.16.840.1.113883.5.1150.1'/>{}",
                    agent("<code nullFlavor='UNK'><originalText>none</originalText></code>")
                ),
            ),
            "AllergyIntolerance",
            &["no-known-allergies"],
            &["refuted"],
        ),
        (
            "no information is not no allergy",
            "48765-2",
            allergy(
                "",
                &format!("{KIND}<value xsi:type='CD' code='no-allergy-info' codeSystem='2.16.840.1.113883.5.1150.1'/>"),
            ),
            "AllergyIntolerance",
            &["no-allergy-info"],
            &["no-known", "716186003"],
        ),
        (
            "an agent without a code keeps its text",
            "48765-2",
            format!(
                "{text}{}",
                allergy(
                    "",
                    &format!(
                        "{KIND}{}",
                        agent("<code nullFlavor='OTH'><originalText><reference value='#t'/></originalText></code>")
                    )
                )
            ),
            "AllergyIntolerance",
            &["Peanuts"],
            &["716186003", "no-known"],
        ),
        (
            "a local code keeps its OID",
            "48765-2",
            allergy(
                "",
                &format!(
                    "{KIND}{}",
                    agent("<code code='X1' codeSystem='2.16.840.1.113883.19.5.77' displayName='Kiwi'/>")
                ),
            ),
            "AllergyIntolerance",
            &["urn:oid:2.16.840.1.113883.19.5.77", "X1", "Kiwi"],
            &[],
        ),
        (
            "written in error",
            "48765-2",
            allergy("", &format!("{KIND}<statusCode code='nullified'/>{}", agent(PENICILLIN))),
            "AllergyIntolerance",
            &["entered-in-error"],
            &["clinicalStatus"],
        ),
        (
            "ended",
            "48765-2",
            allergy(
                "",
                &format!(
                    "{KIND}<effectiveTime><low value='2001'/><high value='2010'/></effectiveTime>{}",
                    agent(PENICILLIN)
                ),
            ),
            "AllergyIntolerance",
            &["resolved", "2010"],
            &["\"active\""],
        ),
        (
            "a negated reaction is no reaction",
            "48765-2",
            allergy(
                "",
                &format!(
                    "{KIND}{}<entryRelationship typeCode='MFST'><observation negationInd='true'><value xsi:type='CD' \
                code='39579001' codeSystem='2.16.840.1.113883.6.96' displayName='Anaphylaxis'/></observation></entryRelationship>",
                    agent(PENICILLIN)
                ),
            ),
            "AllergyIntolerance",
            &["Not observed"],
            &["\"manifestation\":[{\"coding\""],
        ),
    ]);
}

fn problem(concern: &str, inner: &str, attributes: &str) -> String {
    format!(
        "<entry><act classCode='ACT' moodCode='EVN'><code code='CONC' codeSystem='2.16.840.1.113883.5.6'/>{concern}\
         <entryRelationship typeCode='SUBJ'><observation classCode='OBS' moodCode='EVN' {attributes}>\
         <code code='55607006' codeSystem='2.16.840.1.113883.6.96'/>{inner}</observation></entryRelationship></act></entry>"
    )
}

const ASTHMA: &str = "<value xsi:type='CD' code='J45' codeSystem='2.16.840.1.113883.6.3' displayName='Asthma'/>";

#[test]
fn problems() {
    let active = "<statusCode code='active'/>";
    check(vec![
        ("active", "11450-4", problem(active, ASTHMA, ""), "Condition", &["J45", "\"active\""], &["refuted"]),
        (
            "a closed concern is not active",
            "11348-0",
            problem("<statusCode code='completed'/>", ASTHMA, ""),
            "Condition",
            &["inactive"],
            &["\"code\":\"active\""],
        ),
        (
            "an end resolves",
            "11450-4",
            problem(
                active,
                &format!("<effectiveTime><low value='2001'/><high value='2003'/></effectiveTime>{ASTHMA}"),
                "",
            ),
            "Condition",
            &["resolved", "\"abatementDateTime\":\"2003\""],
            &["\"code\":\"active\""],
        ),
        (
            "an unknown end is no end",
            "11450-4",
            problem(
                active,
                &format!("<effectiveTime><low value='2001'/><high nullFlavor='UNK'/></effectiveTime>{ASTHMA}"),
                "",
            ),
            "Condition",
            &["\"active\""],
            &["abatement"],
        ),
        ("denied", "11450-4", problem(active, ASTHMA, "negationInd='true'"), "Condition", &["refuted", "J45"], &[]),
        (
            "no known problems",
            "11450-4",
            problem(active, "<value xsi:type='CD' code='160245001' codeSystem='2.16.840.1.113883.6.96'/>", ""),
            "Condition",
            &["160245001"],
            &["refuted"],
        ),
        (
            "no known problems, denied once more",
            "11450-4",
            problem(
                active,
                "<value xsi:type='CD' code='no-known-problems' codeSystem='2.16.840.1.113883.5.1150.1'/>",
                "negationInd='true'",
            ),
            "Condition",
            &["no-known-problems"],
            &["refuted"],
        ),
        (
            "a null value says why",
            "11450-4",
            problem(active, "<value xsi:type='CD' nullFlavor='ASKU'/>", ""),
            "Condition",
            &["asked-unknown"],
            &["160245001"],
        ),
        (
            "masked stays masked",
            "11450-4",
            problem(active, "<value xsi:type='CD' nullFlavor='MSK'/>", ""),
            "Condition",
            &["masked"],
            &[],
        ),
        (
            "an unknown onset says so",
            "11450-4",
            problem(active, &format!("<effectiveTime><low nullFlavor='UNK'/></effectiveTime>{ASTHMA}"), ""),
            "Condition",
            &["_onsetDateTime", "unknown"],
            &[],
        ),
        (
            "a partial date stays partial",
            "11450-4",
            problem(active, &format!("<effectiveTime><low value='199410'/></effectiveTime>{ASTHMA}"), ""),
            "Condition",
            &["\"onsetDateTime\":\"1994-10\""],
            &["1994-10-01"],
        ),
        (
            "a date that no calendar has is kept as text",
            "11450-4",
            problem(active, &format!("<effectiveTime><low value='20230231'/></effectiveTime>{ASTHMA}"), ""),
            "Condition",
            &["20230231"],
            &["\"onsetDateTime\":\"2023"],
        ),
        (
            "translations are kept",
            "11450-4",
            problem(
                active,
                "<value xsi:type='CD' code='J45' codeSystem='2.16.840.1.113883.6.3'><translation code='195967001' \
                codeSystem='2.16.840.1.113883.6.96'/></value>",
                "",
            ),
            "Condition",
            &["J45", "195967001"],
            &[],
        ),
        (
            "a translation alone is a code",
            "11450-4",
            problem(
                active,
                "<value xsi:type='CD' nullFlavor='OTH'><translation code='195967001' codeSystem='2.16.840.1.113883.6.96'/></value>",
                "",
            ),
            "Condition",
            &["195967001"],
            &["data-absent-reason"],
        ),
        (
            "written in error",
            "11450-4",
            problem("<statusCode code='nullified'/>", ASTHMA, ""),
            "Condition",
            &["entered-in-error"],
            &["clinicalStatus"],
        ),
    ]);
}

fn medication(attributes: &str, inner: &str) -> String {
    format!(
        "<entry><substanceAdministration classCode='SBADM' moodCode='INT' {attributes}>{inner}<consumable>\
         <manufacturedProduct><manufacturedMaterial><code code='C07AB02' codeSystem='2.16.840.1.113883.6.73'/>\
         </manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry>"
    )
}

#[test]
fn medications() {
    let ivl = "<effectiveTime xsi:type='IVL_TS'><low value='20260101'/></effectiveTime>";
    check(vec![
        (
            "taken",
            "10160-0",
            medication("", &format!("<statusCode code='active'/>{ivl}")),
            "MedicationStatement",
            &["\"status\":\"active\"", "2026-01-01"],
            &["not-taken"],
        ),
        (
            "not taken",
            "10160-0",
            medication("negationInd='true'", "<statusCode code='active'/>"),
            "MedicationStatement",
            &["not-taken"],
            &["\"status\":\"active\""],
        ),
        (
            "stopped",
            "10160-0",
            medication("", "<statusCode code='aborted'/>"),
            "MedicationStatement",
            &["stopped"],
            &[],
        ),
        (
            "no status is not active",
            "10160-0",
            medication("", ivl),
            "MedicationStatement",
            &["\"status\":\"unknown\""],
            &["active"],
        ),
        (
            "a dose range stays a range",
            "10160-0",
            medication(
                "",
                "<statusCode code='active'/><doseQuantity><low value='1' unit='mg'/><high value='2' unit='mg'/></doseQuantity>",
            ),
            "MedicationStatement",
            &["doseRange", "\"low\"", "\"high\""],
            &["doseQuantity"],
        ),
        (
            "every eight hours",
            "10160-0",
            medication(
                "",
                "<statusCode code='active'/><effectiveTime xsi:type='PIVL_TS' operator='A'><period value='8' unit='h'/></effectiveTime>",
            ),
            "MedicationStatement",
            &["\"period\":8", "\"periodUnit\":\"h\"", "\"frequency\":1"],
            &[],
        ),
        (
            "before breakfast",
            "10160-0",
            medication(
                "",
                "<statusCode code='active'/><effectiveTime xsi:type='EIVL_TS' operator='A'><event code='ACM'/></effectiveTime>",
            ),
            "MedicationStatement",
            &["\"when\":[\"ACM\"]"],
            &[],
        ),
        (
            "an unknown frequency is none",
            "10160-0",
            medication("", "<statusCode code='active'/><effectiveTime xsi:type='PIVL_TS' nullFlavor='UNK'/>"),
            "MedicationStatement",
            &[],
            &["frequency", "period\":"],
        ),
        (
            "as needed",
            "10160-0",
            medication(
                "",
                "<statusCode code='active'/><doseQuantity value='1'/><precondition><criterion><text>pain</text></criterion></precondition>",
            ),
            "MedicationStatement",
            &["asNeededCodeableConcept", "pain"],
            &[],
        ),
        (
            "a split dose keeps its steps",
            "10160-0",
            medication(
                "",
                "<statusCode code='active'/><entryRelationship typeCode='COMP'><sequenceNumber value='1'/><substanceAdministration>\
                <doseQuantity value='2' unit='mg'/></substanceAdministration></entryRelationship><entryRelationship typeCode='COMP'>\
                <sequenceNumber value='2'/><substanceAdministration><doseQuantity value='1' unit='mg'/></substanceAdministration></entryRelationship>",
            ),
            "MedicationStatement",
            &["\"sequence\":1", "\"sequence\":2", "\"value\":2", "\"value\":1"],
            &[],
        ),
        (
            "digits of a dose are kept",
            "10160-0",
            medication("", "<doseQuantity value='0.50' unit='mg'/>"),
            "MedicationStatement",
            &["0.50"],
            &[],
        ),
    ]);
    let nothing = "<entry><substanceAdministration classCode='SBADM' moodCode='INT' negationInd='true'><code code='no-known-medications' \
                   codeSystem='2.16.840.1.113883.5.1150.1'/></substanceAdministration></entry>";
    let found = first(&converted(&summary("10160-0", nothing)), "MedicationStatement");
    assert!(found.contains("no-known-medications") && !found.contains("not-taken"), "{found}");
}

#[test]
fn procedures_vaccinations_and_devices() {
    let procedure = |attributes: &str, status: &str| {
        format!(
            "<entry><procedure classCode='PROC' moodCode='EVN' {attributes}><code code='80146002' \
             codeSystem='2.16.840.1.113883.6.96'/><statusCode code='{status}'/></procedure></entry>"
        )
    };
    let vaccine = |attributes: &str| {
        format!(
            "<entry><substanceAdministration classCode='SBADM' moodCode='EVN' {attributes}><statusCode code='completed'/>\
             <consumable><manufacturedProduct><manufacturedMaterial><code code='34689006' codeSystem='2.16.840.1.113883.6.96'/>\
             </manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry>"
        )
    };
    check(vec![
        ("done", "47519-4", procedure("", "completed"), "Procedure", &["\"status\":\"completed\""], &[]),
        (
            "not done",
            "47519-4",
            procedure("negationInd='true'", "completed"),
            "Procedure",
            &["not-done"],
            &["completed"],
        ),
        ("stopped", "47519-4", procedure("", "aborted"), "Procedure", &["stopped"], &["completed"]),
        (
            "a time that is not given says so",
            "47519-4",
            procedure("", "completed"),
            "Procedure",
            &["_performedDateTime"],
            &[],
        ),
        (
            "given",
            "11369-6",
            vaccine("negationInd='false'"),
            "Immunization",
            &["\"status\":\"completed\""],
            &["not-done"],
        ),
        (
            "refused",
            "11369-6",
            vaccine("negationInd='true'"),
            "Immunization",
            &["not-done"],
            &["\"status\":\"completed\""],
        ),
        (
            "planned is not done",
            "18776-5",
            procedure("", "active").replace("'EVN'", "'RQO'"),
            "ServiceRequest",
            &["\"intent\":\"order\"", "80146002"],
            &["\"status\":\"completed\""],
        ),
    ]);
    let none = "<text>No devices</text><entry><supply classCode='SPLY' moodCode='EVN' nullFlavor='NI'><participant typeCode='DEV'>\
                <participantRole><playingDevice><code nullFlavor='NI'/></playingDevice></participantRole></participant></supply></entry>";
    let draft = converted(&summary("46264-8", none));
    assert_eq!(first(&draft, "Device"), "");
    assert!(section(&draft, "46264-8").contains("unavailable"), "{}", section(&draft, "46264-8"));
}

#[test]
fn observations() {
    let observation = |attributes: &str, inner: &str| {
        format!(
            "<entry><observation classCode='OBS' moodCode='EVN' {attributes}><code code='4548-4' \
             codeSystem='2.16.840.1.113883.6.1'/><statusCode code='completed'/>{inner}</observation></entry>"
        )
    };
    check(vec![
        (
            "a quantity",
            "30954-2",
            observation("", "<value xsi:type='PQ' value='6.10' unit='%'/>"),
            "Observation",
            &["\"value\":6.10", "unitsofmeasure"],
            &[],
        ),
        (
            "below a limit",
            "30954-2",
            observation("", "<value xsi:type='IVL_PQ'><high value='4' unit='%' inclusive='false'/></value>"),
            "Observation",
            &["\"comparator\":\"<\"", "\"value\":4"],
            &[],
        ),
        (
            "negated",
            "30954-2",
            observation(
                "negationInd='true'",
                "<value xsi:type='CD' code='77386006' codeSystem='2.16.840.1.113883.6.96' displayName='Pregnant'/>",
            ),
            "Observation",
            &["Negated"],
            &["\"code\":\"77386006\""],
        ),
        (
            "a null value says why",
            "30954-2",
            observation("", "<value xsi:type='PQ' nullFlavor='NASK'/>"),
            "Observation",
            &["dataAbsentReason", "not-asked"],
            &["valueQuantity"],
        ),
        (
            "a unit that is not UCUM has no code",
            "30954-2",
            observation("", "<value xsi:type='PQ' value='2' unit='spoons'/>"),
            "Observation",
            &["\"unit\":\"spoons\""],
            &["unitsofmeasure"],
        ),
        (
            "a number that is none is kept as text",
            "30954-2",
            observation("", "<value xsi:type='PQ' value='1/2' unit='mg'/>"),
            "Observation",
            &["1/2"],
            &["\"value\":1"],
        ),
        (
            "a time without a zone invents none",
            "30954-2",
            observation("", "<effectiveTime value='20260901081500'/><value xsi:type='PQ' value='1' unit='mg'/>"),
            "Observation",
            &["\"effectiveDateTime\":\"2026-09-01\"", "20260901081500"],
            &["08:15"],
        ),
        (
            "a zone is kept",
            "30954-2",
            observation("", "<effectiveTime value='20260901081500-0330'/><value xsi:type='PQ' value='1' unit='mg'/>"),
            "Observation",
            &["2026-09-01T08:15:00-03:30"],
            &[],
        ),
        (
            "not final is not final",
            "30954-2",
            observation("", "<value xsi:type='PQ' value='1' unit='mg'/>").replace("'completed'", "'active'"),
            "Observation",
            &["preliminary"],
            &["final"],
        ),
        (
            "text is text",
            "30954-2",
            observation("", "<value xsi:type='ST'>&lt;5 &amp; falling</value>"),
            "Observation",
            &["<5 & falling"],
            &[],
        ),
    ]);
}

#[test]
fn sections_that_are_missing_or_empty_say_unavailable_and_never_none() {
    let draft = converted(&document("<component><structuredBody/></component>"));
    for code in ["11450-4", "48765-2", "10160-0", "47519-4", "46264-8"] {
        let found = section(&draft, code);
        assert!(found.contains("\"unavailable\""), "{code}: {found}");
        assert!(!found.contains("nilknown") && !found.contains("withheld"), "{code}: {found}");
    }
    let asked = summary("48765-2", "<text/>").replace("<section>", "<section nullFlavor='NASK'>");
    assert!(section(&converted(&asked), "48765-2").contains("notasked"));
    let masked = summary("48765-2", "<text/>").replace("<section>", "<section nullFlavor='MSK'>");
    assert!(section(&converted(&masked), "48765-2").contains("unavailable"));
    let told = section(&converted(&summary("48765-2", "<text>No known allergies.</text>")), "48765-2");
    assert!(told.contains("No known allergies.") && told.contains("unavailable") && !told.contains("entry"), "{told}");
}

#[test]
fn scripts_and_links_do_not_pass_the_narrative() {
    let text = "<text><content ID='a\"b' onclick='x()'>A<linkHtml href='javascript:x()'>B</linkHtml></content>\
                <paragraph ID='k'>1</paragraph><paragraph ID='k'>2</paragraph><script>alert(1)</script></text>";
    let found = section(&converted(&summary("11450-4", text)), "11450-4");
    for text in ["onclick", "javascript", "<script"] {
        assert!(!found.contains(text), "{text} in {found}");
    }
    assert_eq!(found.matches("id=\\\"k\\\"").count(), 1, "{found}");
    assert!(found.contains(">B<"), "{found}");
}

#[test]
fn identity_is_kept_and_not_invented() {
    let text = summary("11450-4", "").replace(
        "<patient><name><given>A</given><family>B</family></name><birthTime value='1980'/></patient>",
        "<patient><name nullFlavor='MSK'/><administrativeGenderCode nullFlavor='UNK'/><birthTime nullFlavor='ASKU'/></patient>",
    );
    let patient = first(&converted(&text), "Patient");
    assert!(
        patient.contains("masked") && patient.contains("_birthDate") && patient.contains("asked-unknown"),
        "{patient}"
    );
    assert!(!patient.contains("\"family\"") && !patient.contains("\"gender\":\"unknown\""), "{patient}");
    let two = summary("11450-4", "")
        .replace("<family>B</family>", "<family>Wed</family><family qualifier='BR'>Born</family>");
    let patient = first(&converted(&two), "Patient");
    assert!(
        patient.contains("\"family\":\"Wed\"") && patient.contains("\"family\":\"Born\"") && patient.contains("BR"),
        "{patient}"
    );
}
