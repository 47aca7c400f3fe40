//! The command line, made of the table of settings and the table of commands.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::configuration::{ConfigurationError, Kind, SETTINGS, Setting, Source, Values};

/// The whole command line.
pub fn command_line() -> Command {
    let mut command = Command::new("passerelle")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The open interoperability server of the European Health Data Space")
        .after_help(
            "Options also come from PASSERELLE_… variables and from a TOML file: see passerelle config --print.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true);
    for (name, about, arguments) in commands() {
        let mut subcommand = Command::new(name).about(about).args(arguments).arg(file());
        if name == "packages" {
            subcommand = subcommand.subcommand_required(true).subcommands([
                with_settings(Command::new("add").about("Fetch a package and pin its checksum"), name)
                    .arg(Arg::new("package").value_name("NAME@VERSION").required(true).help("The package."))
                    .arg(file()),
                with_settings(Command::new("list").about("List the packages there are"), name).arg(file()),
            ]);
        } else {
            subcommand = with_settings(subcommand, name);
        }
        command = command.subcommand(subcommand);
    }
    command
}

fn commands() -> Vec<(&'static str, &'static str, Vec<Arg>)> {
    vec![
        ("serve", "Serve the FHIR API under /fhir", vec![]),
        (
            "convert",
            "Convert documents into the European exchange format; exits 1 when some were refused",
            converting(),
        ),
        (
            "validate",
            "Validate resources; exits 1 when some are invalid",
            vec![
                paths("FHIR resources in JSON or XML, or NDJSON; folders are walked."),
                option("profile", "URL", "Validate against this profile as well.").action(ArgAction::Append),
                option("package", "PATH", "A FHIR package (folder or .tgz) to know beside the others.")
                    .action(ArgAction::Append),
                option("format", "FORMAT", "Write text, or json: one OperationOutcome a line.")
                    .value_parser(["text", "json"])
                    .default_value("text"),
                Arg::new("obligations")
                    .long("obligations")
                    .action(ArgAction::SetTrue)
                    .help("Also tell of obligations that concern what is not there, as information."),
            ],
        ),
        (
            "fhirpath",
            "Evaluate a FHIRPath expression on resources; exits 1 when some cannot be read or evaluated",
            vec![
                Arg::new("expression").value_name("EXPRESSION").required(true).help("The expression."),
                paths("FHIR resources in JSON or XML, or NDJSON; folders are walked."),
                option("format", "FORMAT", "Write text, or json: one value a line.")
                    .value_parser(["text", "json"])
                    .default_value("text"),
            ],
        ),
        (
            "load",
            "Load files, folders and NDJSON into the store; goes on where it was stopped",
            vec![paths("Resources, Bundles, NDJSON, documents of any source format; folders are walked.")],
        ),
        (
            "export",
            "Write the store as NDJSON, one file for each resource type",
            vec![
                option("out", "DIR", "Folder for TYPE.ndjson.").required(true),
                option("type", "TYPE", "Only this resource type.").action(ArgAction::Append),
            ],
        ),
        ("packages", "FHIR packages beside the built-in ones", vec![]),
        (
            "config",
            "Show the configuration",
            vec![
                Arg::new("print").long("print").action(ArgAction::SetTrue).required(true).help("Print it as TOML."),
                option("format", "FORMAT", "toml, or markdown for the table of docs/operations.md.")
                    .value_parser(["toml", "markdown"])
                    .default_value("toml"),
            ],
        ),
    ]
}

fn paths(help: &'static str) -> Arg {
    Arg::new("paths").value_name("PATH").num_args(1..).required(true).help(help)
}

fn converting() -> Vec<Arg> {
    let mut arguments = vec![
        paths("Documents: CDA, FHIR; NDJSON, tar archives; folders are walked."),
        option("category", "CODE", "Convert into this category instead of the one that the document tells."),
        option(
            "out",
            "DIR",
            "Folder for NAME.json and NAME.report.json, in subfolders like those that are walked; without it, beside each document.",
        ),
        Arg::new("explain")
            .long("explain")
            .action(ArgAction::SetTrue)
            .help("Write NAME.html too: source and document side by side, losses in red."),
    ];
    arguments.extend(convert::pdf::PARAMETERS.iter().map(|(name, form, help)| option(name, form, help)));
    arguments
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn file() -> Arg {
    option("config", "FILE", "Configuration file in TOML [env: PASSERELLE_CONFIG]")
}

fn with_settings(command: Command, name: &str) -> Command {
    let settings = SETTINGS.iter().filter(|setting| setting.is_for(name));
    command.args(settings.map(flag))
}

fn flag(setting: &'static Setting) -> Arg {
    let mut help = format!("{} [env: {}]", setting.help, setting.environment());
    if !setting.default.is_empty() && setting.kind != Kind::Switch {
        help.push_str(&format!(" [default: {}]", setting.default));
    }
    let arg = Arg::new(setting.key).long(setting.key).help(help);
    match setting.kind {
        Kind::Switch => {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_parser(["true", "false"])
        }
        Kind::Choice(choices) => arg.value_name(setting.value).value_parser(choices.to_vec()),
        _ => arg.value_name(setting.value),
    }
}

/// The settings in force for the chosen command: flags, then `variable`, then the file.
///
/// # Errors
/// Where the file cannot be read or a value is wrong.
pub fn values(matches: &ArgMatches, variable: impl Fn(&str) -> Option<String>) -> Result<Values, ConfigurationError> {
    let mut values = Values::defaults();
    let file = matches.get_one::<String>("config").cloned().or_else(|| variable("PASSERELLE_CONFIG"));
    if let Some(path) = file {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigurationError::File { path: path.clone(), reason: error.to_string() })?;
        values.read_toml(&text, Path::new(&path))?;
    }
    values.read_environment(variable)?;
    for setting in SETTINGS {
        if let Ok(Some(text)) = matches.try_get_one::<String>(setting.key) {
            values.set(setting, text, Source::Flag)?;
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(line: &[&str]) -> Values {
        let matches = command_line().try_get_matches_from(line).unwrap();
        values(matches.subcommand().unwrap().1, |_| None).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn the_contract_of_scripts_holds() {
        let values =
            serve(&["passerelle", "serve", "--listen", "0.0.0.0:9", "--data", "d", "--engine", "sled", "--demo"]);
        assert_eq!((values.text("listen"), values.text("data"), values.text("engine")), ("0.0.0.0:9", "d", "sled"));
        assert!(values.switch("demo"));
        for line in [
            &["passerelle", "convert", "a.xml", "b.xml", "--category", "C", "--out", "D"][..],
            &["passerelle", "validate", "a.json", "--profile", "http://example.org/p", "--format", "json"],
            &["passerelle", "validate", "a", "--package", "p.tgz", "--package", "q", "--unknown-extensions", "error"],
            &["passerelle", "fhirpath", "Patient.name.family", "a.json", "b", "--format", "json"],
            &["passerelle", "load", "a", "b"],
            &["passerelle", "export", "--out", "d"],
            &["passerelle", "packages", "add", "a@1"],
            &["passerelle", "packages", "list"],
            &["passerelle", "config", "--print"],
        ] {
            assert!(command_line().try_get_matches_from(line).is_ok(), "{line:?}");
        }
    }

    #[test]
    fn help_names_every_setting_of_a_command() {
        let mut line = command_line();
        let help = line.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        for setting in SETTINGS.iter().filter(|setting| setting.is_for("serve")) {
            assert!(help.contains(&format!("--{}", setting.key)) && help.contains(&setting.environment()));
        }
    }
}
