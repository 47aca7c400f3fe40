//! Combinations that chance would seldom meet, against the naive reading: every date with every prefix, long chains, pages while others write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod naive;
mod world;

use std::sync::mpsc::{Receiver, channel};

use naive::Naive;
use naive::generate::{self, DATES, Dice};
use storage::Store;
use world::{World, search_in, told};

const PREFIXES: [&str; 10] = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

fn check(world: &World, naive: &Naive, type_name: &str, name: &str, value: &str) -> usize {
    let query = format!("{type_name}?{name}={value}&_count=1000");
    let expected = naive.ids(type_name, &[(name.to_owned(), value.to_owned())]);
    assert_eq!(world.ids(&query), expected, "{query}");
    expected.len()
}

#[test]
fn every_date_period_and_timing_with_every_prefix() {
    let mut resources = generate::dated();
    resources.retain(|tree| {
        let elements = tree.root().descendants();
        !elements.into_iter().filter_map(naive::compare::range_of).any(naive::compare::Range::is_inverted)
    });
    assert!(resources.len() > 400, "{}", resources.len());
    let mut world = World::new();
    world.put_trees(&resources);
    let naive = Naive { resources };
    let mut dice = Dice(0xDA7E5);
    for prefix in PREFIXES {
        for date in DATES {
            check(&world, &naive, "Observation", "date", &format!("{prefix}{date}"));
            if prefix.len() == 2 && date.len() < 12 {
                continue;
            }
            let other = format!("{}{}", generate::prefix(&mut dice), dice.pick(&DATES));
            check(&world, &naive, "Observation", "date", &format!("{prefix}{date},{other}"));
        }
    }
    for value in ["true", "false"] {
        assert!(check(&world, &naive, "Observation", "date:missing", value) > 0);
    }
}

#[test]
fn chains_and_reverse_chains_of_three_links_and_more() {
    let mut dice = Dice(0xC4A1);
    let mut world = World::new();
    let mut resources: Vec<_> = (0..5).map(|number| generate::practitioner(&mut dice, number)).collect();
    resources.extend((0..14).map(|number| generate::patient(&mut dice, number)));
    resources.extend((0..80).map(|number| generate::observation(&mut dice, number, 14)));
    resources.extend((0..40).map(|number| generate::risk(&mut dice, number, 14)));
    world.put_trees(&resources);
    for gone in ["p3", "p9"] {
        world.delete("Patient", gone);
        resources.retain(|tree| tree.root().text_at("id") != Some(gone));
    }
    let naive = Naive { resources };
    let mut found = 0;
    for round in 0..240 {
        let (clause, value) = generate::clause(&mut dice, "Observation", 0);
        let (own, words) = (format!("name={}", generate::words(&mut dice)), generate::words(&mut dice));
        let own = own.trim_start_matches("name=");
        let (type_name, name, value) = match round % 8 {
            0 => ("Observation", "patient.general-practitioner.name".to_owned(), own),
            1 => ("RiskAssessment", "patient.general-practitioner.family:contains".to_owned(), words.as_str()),
            2 => (
                "Practitioner",
                format!("_has:Patient:general-practitioner:_has:Observation:patient:{clause}"),
                value.as_str(),
            ),
            3 => (
                "Patient",
                format!("_has:RiskAssessment:patient:patient._has:Observation:subject:{clause}"),
                value.as_str(),
            ),
            4 => ("RiskAssessment", format!("patient._has:Observation:patient:{clause}"), value.as_str()),
            5 => (
                "Observation",
                "subject:Patient._has:Observation:subject:patient.general-practitioner.name".to_owned(),
                own,
            ),
            6 => (
                "Practitioner",
                "_has:Patient:general-practitioner:_has:RiskAssessment:subject:patient.name".to_owned(),
                own,
            ),
            _ => ("Patient", format!("_has:Observation:patient:_has:RiskAssessment:patient:{clause}"), value.as_str()),
        };
        if round % 8 == 7 {
            // A RiskAssessment refers to no Observation: told, not answered with nothing.
            assert!(world.refusal(&format!("{type_name}?{name}={value}")).contains("refers to no Observation"));
            continue;
        }
        found += usize::from(check(&world, &naive, type_name, &name, value) > 0);
    }
    assert!(found > 60, "{found}");
}

#[test]
fn what_is_written_later_changes_no_answer_of_before() {
    let mut dice = Dice(0x1A7E);
    let mut world = World::new();
    world.put_trees(&(0..14).map(|number| generate::patient(&mut dice, number)).collect::<Vec<_>>());
    world.put_trees(&(0..120).map(|number| generate::observation(&mut dice, number, 14)).collect::<Vec<_>>());
    const SORTS: [&str; 9] =
        ["", "date", "-date", "-_lastUpdated", "-status,code", "code", "-value-quantity", "patient,-date", "_id"];
    for _ in 0..3 {
        let t = world.view().t();
        let answer = |query: &str| -> Vec<String> {
            let view = world.store.view(Some(t)).unwrap();
            let answer = search_in(&view, query, None).unwrap_or_else(|error| panic!("{query}: {}", told(&error)));
            answer.matches.iter().map(|hit| format!("{} {}", hit.identity.id, hit.version.version)).collect()
        };
        let mut asked = Vec::new();
        for round in 0..90 {
            let (name, value) = generate::clause(&mut dice, "Observation", 1);
            let sort = SORTS.get(round % SORTS.len()).filter(|sort| !sort.is_empty());
            let sort = sort.map_or_else(String::new, |sort| format!("&_sort={sort}"));
            let query = format!("Observation?{name}={value}{sort}&_count=1000");
            asked.push((answer(&query), query));
        }
        for _ in 0..4 {
            let mut writer = World { store: world.store.clone(), clock: world.clock };
            (0..60).for_each(|_| write_one(&mut writer, &mut dice));
            for (before, query) in &asked {
                assert_eq!(answer(query), *before, "{query} as of {t}");
            }
            world.clock = writer.clock;
        }
    }
}

#[test]
fn pages_neither_lose_nor_repeat_while_others_write_and_delete() {
    let mut dice = Dice(0x9A6E);
    let mut world = World::new();
    world.put_trees(&(0..14).map(|number| generate::patient(&mut dice, number)).collect::<Vec<_>>());
    world.put_trees(&(0..120).map(|number| generate::observation(&mut dice, number, 14)).collect::<Vec<_>>());
    let (page_is_read, turns) = channel();
    std::thread::scope(|scope| {
        let (store, clock) = (world.store.clone(), world.clock);
        scope.spawn(move || write(store, clock, &turns));
        let ids = |answer: &search::Answer| -> Vec<String> {
            answer.matches.iter().map(|hit| format!("{} {}", hit.identity.id, hit.version.version)).collect()
        };
        for round in 0..150 {
            let (name, value) = generate::clause(&mut dice, "Observation", 1);
            let sort = dice.pick(&["", "&_sort=date", "&_sort=-_lastUpdated", "&_sort=-status,code", "&_sort=_id"]);
            let filter = if round % 5 == 0 { "&_filter=status eq final or date ge 2020" } else { "" };
            let query = format!("Observation?{name}={value}{sort}{filter}");
            let t = world.view().t();
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                // Each page has a view of its own, as each request has.
                page_is_read.send(()).unwrap();
                let view = world.store.view(Some(t)).unwrap();
                let answer = search_in(&view, &format!("{query}&_count=4"), after)
                    .unwrap_or_else(|error| panic!("{query}: {}", told(&error)));
                pages.extend(ids(&answer));
                after = answer.next;
                if after.is_none() {
                    break;
                }
            }
            let view = world.store.view(Some(t)).unwrap();
            let whole = ids(&search_in(&view, &format!("{query}&_count=1000"), None).unwrap());
            assert_eq!(pages, whole, "{query} as of {t}");
        }
        drop(page_is_read);
    });
}

/// A few writes for each page that is asked for, so that a slow reader does not face an ever longer history.
fn write(store: Store, clock: i64, turns: &Receiver<()>) {
    const WRITES_OF_A_TURN: usize = 4;
    let mut world = World { store, clock };
    let mut dice = Dice(0x0717);
    for () in turns.iter().flat_map(|()| [(); WRITES_OF_A_TURN]) {
        write_one(&mut world, &mut dice);
    }
}

/// Changes, makes or deletes a resource.
fn write_one(world: &mut World, dice: &mut Dice) {
    let number = dice.roll(140);
    match dice.roll(6) {
        0 => world.delete("Observation", &format!("o{number}")),
        1 => {
            let patient = generate::patient(dice, number % 14);
            world.put_trees(&[patient]);
        }
        _ => {
            let observation = generate::observation(dice, number, 14);
            world.put_trees(&[observation]);
        }
    }
}
