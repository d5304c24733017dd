//! The programs of the guide, cut out of its page and run as they stand.

use std::path::Path;

use tokio::process::Command;

use super::stage::{Stage, folder_with_modules, interpreter, run};

const PAGE: &str = include_str!("../../../../../docs/guides/sdks.md");

/// What runs a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    JavaScript,
    Shell,
}

/// Programs, and something that each of them prints.
const PROGRAMS: &[(Language, &str, &[&str])] = &[
    (Language::Python, "ask.py", &["Your name is Ada.\n"]),
    (
        Language::Python,
        "stream.py",
        &["Tests run through the night,", "\ncompleted "],
    ),
    (
        Language::Python,
        "functions.py",
        &["get_stock returned: 6 pieces\n"],
    ),
    (
        Language::Python,
        "approve.py",
        &[
            "may it call calculator with ",
            "mcp_call calculator\n",
            "84",
        ],
    ),
    (Language::Python, "parse.py", &["Weather 1\n"]),
    (
        Language::Python,
        "background.py",
        &[
            "read to the end: response.completed completed\n",
            "completed hello\n",
        ],
    ),
    (
        Language::Python,
        "conversation.py",
        &["user What is my name?\nassistant Your name is Ada.\n"],
    ),
    (
        Language::Python,
        "errors.py",
        &["400 temperature ", "404 True\n", "True\n"],
    ),
    (
        Language::Python,
        "socket_session.py",
        &["Your name is Ada.\n"],
    ),
    (Language::JavaScript, "ask.mjs", &["Your name is Ada.\n"]),
    (
        Language::JavaScript,
        "stream.mjs",
        &["Tests run through the night,", "\ncompleted "],
    ),
    (
        Language::JavaScript,
        "functions.mjs",
        &["get_stock returned: 6 pieces\n"],
    ),
    (Language::JavaScript, "parse.mjs", &["number\n"]),
    (
        Language::JavaScript,
        "background.mjs",
        &["read to the end: response.completed completed\n"],
    ),
    (
        Language::JavaScript,
        "errors.mjs",
        &["400 temperature ", "\ntrue\n"],
    ),
    (Language::Shell, "ask.sh", &["Your name is Ada.\n"]),
    (
        Language::Shell,
        "stream.sh",
        &[
            "event: response.created\ndata: {",
            "event: response.completed\ndata: {",
            "data: [DONE]\n",
        ],
    ),
    (
        Language::Shell,
        "background.sh",
        &[" event: response.completed\n", "\"status\": \"completed\""],
    ),
    (
        Language::Shell,
        "tools.sh",
        &[
            "mcp_list_tools\t",
            "mcp_call\tgoogle_search\tcompleted\n",
            "mcp_call\tcalculator\tcompleted\n",
            "message\t",
        ],
    ),
];

/// The code of every block of the page in some language, and the file that its first line names.
fn programs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = PAGE.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| {
        let (_language, code) = block.split_once('\n')?;
        let first = code.lines().next()?;
        let file = first.strip_prefix("# ").or(first.strip_prefix("// "))?;
        Some((file, code))
    })
}

#[test]
fn every_program_of_the_guide_is_run_but_that_in_go() {
    let on_the_page = programs()
        .map(|(file, _)| file)
        .filter(|it| *it != "ask.go");
    let here = PROGRAMS.iter().map(|(_, file, _)| *file);
    assert_eq!(on_the_page.collect::<Vec<_>>(), here.collect::<Vec<_>>());
}

#[tokio::test]
async fn the_programs_in_python_do_what_the_guide_says() {
    all_do_what_it_says(Language::Python).await;
}

#[tokio::test]
async fn the_programs_in_javascript_do_what_the_guide_says() {
    all_do_what_it_says(Language::JavaScript).await;
}

#[tokio::test]
async fn the_scripts_do_what_the_guide_says() {
    all_do_what_it_says(Language::Shell).await;
}

async fn all_do_what_it_says(of: Language) {
    let stage = Stage::new().await;
    let folder = folder_with_modules().await;
    for (language, file, expected) in PROGRAMS.iter().filter(|(language, ..)| *language == of) {
        let (_, code) = programs().find(|(found, _)| found == file).unwrap();
        std::fs::write(folder.path().join(file), code).unwrap();
        let command = command(*language, file, folder.path()).await;
        let printed = run(&stage.service, command, "").await;
        for part in *expected {
            assert!(printed.contains(part), "{file}: {part:?} in {printed}");
        }
    }
}

async fn command(language: Language, file: &str, folder: &Path) -> Command {
    let mut command = match language {
        Language::Python => Command::new(interpreter().await),
        Language::JavaScript => Command::new("node"),
        Language::Shell => Command::new("bash"),
    };
    command.arg(file).current_dir(folder);
    command
}
