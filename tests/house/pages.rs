//! The pages for people: their links lead somewhere, and CI runs what the README promises.

use crate::repository::{files, none, root, text};

#[test]
fn links_between_pages_lead_somewhere() {
    let mut findings = Vec::new();
    for page in files().into_iter().filter(|file| file.ends_with(".md")) {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let text = text(&page).unwrap();
        // Outside of code blocks.
        let links = text.split("```").step_by(2).flat_map(|block| block.split("](").skip(1));
        for link in links.filter_map(|rest| rest.split([')', ' ']).next()) {
            let target = link.split('#').next().unwrap_or_default();
            let elsewhere = target.is_empty() || target.contains(':') || target.starts_with('<');
            if !elsewhere && !root().join(folder).join(target).exists() {
                findings.push(format!("{page}: {link}"));
            }
        }
    }
    none("Links that lead nowhere:", findings);
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    const COMMAND: &str = "cargo test --workspace";
    assert!(text("README.md").unwrap().lines().any(|line| line == COMMAND));
    assert!(
        text(".ci/run").unwrap().lines().any(|line| line.trim_start().starts_with("counted") && line.contains(COMMAND))
    );
}
