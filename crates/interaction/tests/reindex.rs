//! Search parameters that come later than resources: refused until `$reindex` has been through, whatever is written meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU64, Ordering};

use access::Caller;
use catalog::Catalog;
use interaction::{Answer, Call, Headers, Ids, Method, Service, Settings};
use model::{Instant, Tree};
use storage::{Options, Store};

struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self, _: Instant) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

struct Server {
    service: Service,
    ids: Counting,
}

fn store() -> Store {
    Store::open(storage::memory::open(), Options::default()).unwrap()
}

impl Server {
    fn over(store: &Store) -> Server {
        Server::with(store, Catalog::built_in())
    }

    fn with(store: &Store, catalog: Catalog) -> Server {
        let service = Service::new(store.clone(), catalog, Settings::default());
        Server { service, ids: Counting(AtomicU64::new(0)) }
    }

    fn call(&self, method: Method, target: &str, body: &str) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let content_type = Some("application/fhir+json").filter(|_| !body.is_empty());
        self.service.answer(&Call {
            caller: &Caller::operator(),
            method,
            path,
            query,
            headers: Headers { content_type, ..Headers::default() },
            body: body.as_bytes(),
            base: "https://here.example/fhir",
            now: Instant(1_795_435_200_000),
            ids: &self.ids,
        })
    }

    fn put(&self, resource: &str) {
        let tree = read(resource.as_bytes());
        let path = format!("{}/{}", tree.resource_type(), tree.root().text_at("id").unwrap());
        let answer = self.call(Method::Put, &path, resource);
        assert!(answer.status < 300, "{}", text(&answer));
    }

    fn patient(&self, number: usize) {
        self.put(&format!(
            r#"{{"resourceType":"Patient","id":"p{number}","extension":[{{"url":"http://example.org/shoe","valueString":"size {}"}},{{"url":"http://example.org/hat","valueString":"hat {}"}}]}}"#,
            number % 10,
            number % 4
        ));
    }

    fn parameter(&self, of: &str) {
        self.put(&parameter(of));
    }

    /// How many are found; else the status and what is said.
    fn found(&self, query: &str) -> Result<usize, (u16, String)> {
        let answer = self.call(Method::Get, query, "");
        match answer.status {
            200 => Ok(read(answer.body.unwrap().bytes()).root().text_at("total").unwrap().parse().unwrap()),
            status => Err((status, text(&answer))),
        }
    }

    fn progress(&self) -> (String, usize, usize) {
        let answer = self.call(Method::Get, "$reindex", "");
        let tree = read(answer.body.unwrap().bytes());
        let of = |name: &str| {
            let mut all = tree.root().all("parameter");
            let found = all.find(|parameter| parameter.text_at("name") == Some(name)).unwrap();
            found.children().find(|child| child.name().starts_with("value")).unwrap().text().unwrap().to_owned()
        };
        (of("status"), of("done").parse().unwrap(), of("changed").parse().unwrap())
    }

    fn wait(&self) -> (usize, usize) {
        for _ in 0..3_000 {
            let (status, done, changed) = self.progress();
            if status == "completed" && self.found("Patient?shoe=x").is_ok() {
                return (done, changed);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{:?}", self.progress());
    }
}

fn parameter(of: &str) -> String {
    format!(
        r#"{{"resourceType":"SearchParameter","id":"shoe","url":"http://example.org/SearchParameter/shoe","name":"shoe","status":"active",
        "description":"d","code":"shoe","base":["Patient"],"type":"string","expression":"Patient.extension('http://example.org/{of}').value"}}"#
    )
}

fn read(text: &[u8]) -> Tree {
    model::json::read(text, &Default::default()).unwrap()
}

fn text(answer: &Answer) -> String {
    answer.body.as_ref().map(|body| String::from_utf8_lossy(body.bytes()).into_owned()).unwrap_or_default()
}

#[test]
fn a_parameter_that_comes_later_is_refused_until_all_are_indexed_by_it() {
    let server = Server::over(&store());
    (0..250).for_each(|number| server.patient(number));
    assert!(server.found("Patient?shoe=size 3").unwrap_err().1.contains("no search parameter shoe"));
    server.parameter("shoe");
    let (status, said) = server.found("Patient?shoe=size 3&_summary=count").unwrap_err();
    assert!(status == 400 && said.contains("$reindex"), "{status} {said}");
    for query in ["Patient?_sort=shoe", "Patient?shoe:missing=true", "Patient?_has:Patient:link:shoe=x"] {
        assert_eq!(server.found(query).unwrap_err().0, 400, "{query}");
    }
    let answer = server.call(Method::Post, "$reindex", "");
    assert_eq!((answer.status, answer.content_location.as_deref()), (202, Some("https://here.example/fhir/$reindex")));
    // Written while it is at work: by the new parameter at once, whether before or behind the place where it is.
    std::thread::scope(|scope| {
        scope.spawn(|| (0..60).for_each(|number| server.patient(number * 4 + 1)));
        scope.spawn(|| (250..300).for_each(|number| server.patient(number)));
        scope.spawn(|| {
            for number in (3..250).step_by(20) {
                server.call(Method::Delete, &format!("Patient/p{number}"), "");
            }
        });
    });
    server.wait();
    let live: Vec<usize> = (0..300).filter(|number| !(*number < 250 && number % 20 == 3)).collect();
    // p3, p23 … may have been written again after they were deleted; those that are live have the rows of their content.
    for size in [0, 1, 2, 4, 9] {
        let expected = live.iter().filter(|number| **number % 10 == size).count();
        assert_eq!(server.found(&format!("Patient?shoe=size {size}&_summary=count")), Ok(expected), "size {size}");
    }
    server.call(Method::Post, "Patient/$reindex", "");
    let (done, changed) = server.wait();
    assert!(done >= 280, "{done}");
    assert_eq!(changed, 0, "what has its rows is not written again");
}

#[test]
fn another_definition_must_be_indexed_again_and_a_deleted_one_is_unknown() {
    let store = store();
    let server = Server::over(&store);
    server.parameter("shoe");
    (0..20).for_each(|number| server.patient(number));
    assert_eq!(server.found("Patient?shoe=size 3&_summary=count"), Ok(2), "nothing was there before it");
    server.parameter("hat");
    assert!(server.found("Patient?shoe=hat 3").unwrap_err().1.contains("$reindex"));
    server.parameter("shoe");
    assert!(
        server.found("Patient?shoe=size 3").unwrap_err().1.contains("$reindex"),
        "what was written meanwhile has rows of the other"
    );
    server.parameter("hat");
    server.call(Method::Post, "Patient/$reindex", "");
    server.wait();
    assert_eq!(server.found("Patient?shoe=hat 3&_summary=count"), Ok(5));
    assert_eq!(server.found("Patient?shoe=size 3&_summary=count"), Ok(0));
    assert_eq!(server.found("Patient?shoe:missing=true&_summary=count"), Ok(0));
    server.call(Method::Delete, "SearchParameter/shoe", "");
    assert!(server.found("Patient?shoe=hat 3").unwrap_err().1.contains("no search parameter shoe"));
    server.patient(100);
    server.parameter("hat");
    assert!(server.found("Patient?shoe=hat 0").unwrap_err().1.contains("$reindex"), "p100 was stored without it");
    assert_eq!(store.verify().unwrap().findings, Vec::<String>::new());
}

#[test]
fn what_a_stopped_process_left_the_next_one_does() {
    let store = store();
    let server = Server::over(&store);
    (0..1_000).for_each(|number| server.patient(number));
    server.parameter("shoe");
    server.call(Method::Post, "$reindex", "");
    drop(server);
    let server = Server::over(&store);
    server.wait();
    assert_eq!(server.found("Patient?shoe=size 7&_summary=count"), Ok(100));
    drop(server);
    let server = Server::over(&store);
    assert_eq!(server.found("Patient?shoe=size 7&_summary=count"), Ok(100), "also without another $reindex");
}

#[test]
fn parameters_of_a_package_that_comes_later_wait_too() {
    let store = store();
    let server = Server::over(&store);
    (0..30).for_each(|number| server.patient(number));
    drop(server);
    let catalog = || Catalog::built_in().with([read(parameter("shoe").as_bytes())]);
    let server = Server::with(&store, catalog());
    assert!(server.found("Patient?shoe=size 3").unwrap_err().1.contains("$reindex"));
    server.call(Method::Post, "$reindex", "");
    server.wait();
    drop(server);
    assert_eq!(Server::with(&store, catalog()).found("Patient?shoe=size 3&_summary=count"), Ok(3));
    // Without the package nothing is indexed by it; when it comes back, what was stored meanwhile lacks its rows.
    Server::over(&store).patient(77);
    assert!(Server::with(&store, catalog()).found("Patient?shoe=size 3").unwrap_err().1.contains("$reindex"));
}

#[test]
fn parameters_of_every_type_are_searched_sorted_chained_and_included_by() {
    let server = Server::over(&store());
    for number in 0..12 {
        server
            .put(&format!(r#"{{"resourceType":"Practitioner","id":"g{number}","name":[{{"family":"Doc{number}"}}]}}"#));
        server.put(&format!(
            r#"{{"resourceType":"Patient","id":"p{number}","name":[{{"given":["A{number}","B"]}},{{"given":["C"]}}],"extension":[
            {{"url":"http://example.org/at","valueDateTime":"2020-01-{:02}"}},{{"url":"http://example.org/by","valueReference":{{"reference":"Practitioner/g{}"}}}},
            {{"url":"http://example.org/kind","valueCoding":{{"system":"http://example.org/kinds","code":"k{}"}}}},
            {{"url":"http://example.org/size","valueQuantity":{{"value":{number},"unit":"cm","system":"http://unitsofmeasure.org","code":"cm"}}}}]}}"#,
            28 - number,
            number % 3,
            number % 2,
        ));
    }
    let parameter = |code: &str, of: &str, expression: &str, more: &str| {
        server.put(&format!(
            r#"{{"resourceType":"SearchParameter","id":"{code}","url":"http://example.org/SearchParameter/{code}","name":"{code}","status":"active",
            "description":"d","code":"{code}","base":["Patient"],"type":"{of}",{more}"expression":"{expression}"}}"#
        ));
    };
    let extension = |name: &str| format!("Patient.extension('http://example.org/{name}').value");
    parameter("x-at", "date", &extension("at"), "");
    parameter("x-by", "reference", &extension("by"), r#""target":["Practitioner"],"#);
    parameter("x-kind", "token", &extension("kind"), "");
    parameter("x-size", "quantity", &extension("size"), "");
    parameter("x-first", "string", "Patient.name.given.first()", "");
    parameter("x-broken", "string", "Patient.name.given.(", "");
    assert_eq!(server.call(Method::Post, "Patient/$reindex", "").status, 202);
    for _ in 0..2_000 {
        if server.found("Patient?x-kind=x").is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for (query, total) in [
        ("Patient?x-at=ge2020-01-20", 9),
        ("Patient?x-by=Practitioner/g1", 4),
        ("Patient?x-by.family=doc2", 4),
        ("Practitioner?_has:Patient:x-by:x-kind=k1", 3),
        ("Patient?x-kind=http://example.org/kinds|k1&x-size=gt0.05|http://unitsofmeasure.org|m", 3),
        ("Patient?x-first=A1", 3),
        ("Patient?x-first=C", 0),
        ("Patient?_filter=x-kind eq k0 and not (x-by re Practitioner/g0)", 4),
    ] {
        assert_eq!(server.found(&format!("{query}&_summary=count")), Ok(total), "{query}");
    }
    let answer = server.call(Method::Get, "Patient?_sort=-x-at&_count=3&_include=Patient:x-by", "");
    let bundle = read(answer.body.unwrap().bytes());
    let ids: Vec<_> = bundle.root().every("entry.resource.id").iter().map(|id| id.text().unwrap().to_owned()).collect();
    assert_eq!(ids, ["p0", "p1", "p2", "g0", "g1", "g2"]);
    let (status, said) = server.found("Patient?x-broken=a").unwrap_err();
    assert!(status == 400 && said.contains("cannot be compiled"), "{said}");
}
