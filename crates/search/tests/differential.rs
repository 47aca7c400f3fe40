//! The index answers exactly what a naive reading of the specification answers, over generated resources and queries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod naive;
mod world;

use model::Tree;

use naive::Naive;
use naive::generate::{self, DATES, Dice, NUMBERS};
use world::World;

const PATIENTS: usize = 16;

/// A store that was written in several transactions, with updates and deletions, and what is left of it.
fn built(dice: &mut Dice) -> (World, Naive) {
    let mut world = World::new();
    let mut live: Vec<Tree> = Vec::new();
    let mut put = |world: &mut World, trees: Vec<Tree>| {
        world.put_trees(&trees);
        for tree in trees {
            let id = tree.root().text_at("id").unwrap().to_owned();
            live.retain(|known| known.root().text_at("id") != Some(id.as_str()));
            live.push(tree);
        }
    };
    for round in 0..2 {
        put(&mut world, (0..PATIENTS).map(|number| generate::patient(dice, number)).collect());
        for part in 0..4 {
            let numbers = part * 25..(part + 1) * 25;
            put(&mut world, numbers.map(|number| generate::observation(dice, number, PATIENTS)).collect());
        }
        put(&mut world, (0..40).map(|number| generate::risk(dice, number, PATIENTS)).collect());
        put(&mut world, (0..30).map(|number| generate::value_set(dice, number)).collect());
        if round == 0 {
            world.delete("Observation", "o3");
        }
    }
    for (type_name, id) in [("Observation", "o7"), ("Patient", "p5"), ("Observation", "o88")] {
        world.delete(type_name, id);
        live.retain(|tree| tree.root().text_at("id") != Some(id));
    }
    (world, Naive { resources: live })
}

fn check(world: &World, naive: &Naive, type_name: &str, clauses: &[(String, String)]) -> usize {
    let pairs: Vec<String> = clauses.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = format!("{type_name}?{}&_count=7", pairs.join("&"));
    let expected = naive.ids(type_name, clauses);
    assert_eq!(world.ids(&query), expected, "{query}");
    expected.len()
}

fn pair(name: &str, value: String) -> Vec<(String, String)> {
    vec![(name.to_owned(), value)]
}

#[test]
fn thousands_of_queries_answer_as_the_specification_reads() {
    let mut dice = Dice(0x5EED);
    let (world, naive) = built(&mut dice);
    let mut found = 0;
    let mut some = 0;
    for round in 0..2_000 {
        let type_name = ["Observation", "Observation", "Patient", "RiskAssessment", "ValueSet"][round % 5];
        let clauses: Vec<_> = (0..1 + dice.roll(3)).map(|_| generate::clause(&mut dice, type_name, 2)).collect();
        let count = check(&world, &naive, type_name, &clauses);
        found += count;
        some += usize::from(count > 0);
    }
    // Queries that find nothing prove little.
    assert!(some > 600 && found > 6_000, "{some} queries found {found}");
}

#[test]
fn every_prefix_with_every_date_and_number() {
    let mut dice = Dice(0xDA7E);
    let (world, naive) = built(&mut dice);
    for prefix in ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"] {
        for date in DATES {
            check(&world, &naive, "Observation", &pair("date", format!("{prefix}{date}")));
            check(&world, &naive, "ValueSet", &pair("date", format!("{prefix}{date}")));
        }
        for number in NUMBERS {
            check(&world, &naive, "RiskAssessment", &pair("probability", format!("{prefix}{number}")));
            check(&world, &naive, "Observation", &pair("value-quantity", format!("{prefix}{number}||mg")));
        }
    }
}

#[test]
fn sorting_neither_loses_nor_repeats_and_pages_agree() {
    let mut dice = Dice(0x50F7);
    let (world, naive) = built(&mut dice);
    for round in 0..300 {
        let mut clauses = vec![generate::clause(&mut dice, "Observation", 1)];
        if round % 3 == 0 {
            clauses = vec![("patient".to_owned(), format!("Patient/p{}", dice.roll(PATIENTS)))];
        }
        let sort =
            dice.pick(&["date", "-date", "status", "-status,date", "_id", "code", "-value-quantity", "-_lastUpdated"]);
        let pairs: Vec<String> = clauses.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = format!("Observation?{}&_sort={sort}", pairs.join("&"));
        let whole = world.in_order(&format!("{query}&_count=1000"));
        let pages = world.in_order(&format!("{query}&_count=3"));
        assert_eq!(whole, pages, "{query}");
        let mut sorted = whole.clone();
        sorted.sort();
        assert_eq!(sorted, naive.ids("Observation", &clauses), "{query}");
    }
}

#[test]
fn sorted_by_date_is_in_the_order_of_first_moments() {
    let mut dice = Dice(0xACE);
    let (world, naive) = built(&mut dice);
    let first = |id: &str| -> Option<naive::compare::Range> {
        let resource = naive.resources.iter().find(|tree| tree.root().text_at("id") == Some(id)).unwrap();
        let paths = ["effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"];
        paths.iter().find_map(|path| resource.root().get(path)).and_then(naive::compare::range_of)
    };
    for query in ["Observation?_sort=date", "Observation?patient=p1&_sort=date", "Observation?status=final&_sort=date"]
    {
        for descending in [false, true] {
            let query = if descending { query.replace("=date", "=-date") } else { query.to_owned() };
            let firsts: Vec<_> = world.in_order(&query).iter().map(|id| first(id)).collect();
            let dated: Vec<_> = firsts.iter().flatten().map(|range| range.first()).collect();
            assert!(firsts.iter().skip(dated.len()).all(Option::is_none), "{query}: those without a date come last");
            let mut sorted = dated.clone();
            sorted.sort();
            if descending {
                sorted.reverse();
            }
            assert_eq!(dated, sorted, "{query}");
        }
    }
}

#[test]
fn the_latest_come_first() {
    let mut dice = Dice(0x1A7E);
    let (world, naive) = built(&mut dice);
    let all = naive.ids("Observation", &[]);
    let latest = world.in_order("Observation?_sort=-_lastUpdated&_count=9");
    let mut earliest = world.in_order("Observation?_sort=_lastUpdated&_count=1000");
    earliest.reverse();
    assert_eq!(latest, earliest);
    let mut sorted = latest.clone();
    sorted.sort();
    assert_eq!(sorted, all);
    // Written again in the second round, after the first.
    let few = world.in_order("Observation?_sort=-_lastUpdated&patient=p1");
    let places: Vec<_> = few.iter().map(|id| latest.iter().position(|known| known == id).unwrap()).collect();
    let ts = |id: &String| world.view().read("Observation", id).unwrap().unwrap().t;
    assert!(few.windows(2).all(|pair| ts(&pair[0]) >= ts(&pair[1])), "{places:?}");
    let cut = model::Instant(world.view().read("Observation", &latest[10]).unwrap().unwrap().instant.0).to_fhir();
    let since = world.ids(&format!("Observation?_lastUpdated=ge{cut}"));
    let mut expected: Vec<String> = latest.iter().filter(|id| ts(id) >= ts(&latest[10])).cloned().collect();
    expected.sort();
    assert_eq!(since, expected);
}

#[test]
fn a_search_as_of_an_earlier_t_answers_as_it_did_then() {
    let mut dice = Dice(0x71);
    let (mut world, naive) = built(&mut dice);
    let view = world.view();
    let queries: Vec<_> = (0..60).map(|_| generate::clause(&mut dice, "Observation", 1)).collect();
    for part in 0..4 {
        world.put_trees(
            &(part * 20..(part + 1) * 20)
                .map(|number| generate::observation(&mut dice, number, PATIENTS))
                .collect::<Vec<_>>(),
        );
        world.put_trees(&(0..6).map(|number| generate::patient(&mut dice, number)).collect::<Vec<_>>());
        world.delete("Observation", &format!("o{}", 30 + part));
        let then = world.store.view(Some(view.t())).unwrap();
        for (name, value) in &queries {
            let query = format!("Observation?{name}={value}&_count=1000");
            let answer = world::search_in(&then, &query, None)
                .unwrap_or_else(|error| panic!("{query}: {}", world::told(&error)));
            let mut ids: Vec<String> = answer.matches.iter().map(|hit| hit.identity.id.clone()).collect();
            ids.sort();
            assert_eq!(ids, naive.ids("Observation", &[(name.clone(), value.clone())]), "{query}");
        }
    }
}
