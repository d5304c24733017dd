//! The fuzzer: builds the targets of `xtask/fuzz` with what lets it see which code an input reaches, runs
//! them, and tells how much was tried and what broke.
//!
//! What it learns is kept under the target folder and is where the next run goes on. The toolchain is the
//! stable one: coverage needs no other, and what an input may cost is counted by the targets themselves.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::Args;

use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

mod report;

use report::Report;

/// The package of the targets, in the workspace's root.
const PACKAGE: &str = "xtask/fuzz";
/// The longest input, in bytes.
const LONGEST: u32 = 16_384;
/// How many seconds one input may take.
const PATIENCE: u32 = 20;
/// How many MiB a target may take up.
const MEMORY: u32 = 2_048;

/// What makes the compiler count edges and tell the fuzzer of comparisons.
const FLAGS: [&str; 8] = [
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=16",
];

#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// Which targets; all of them when none is named
    targets: Vec<String>,
    /// How long each of them runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// How many of them run at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
    /// Look at this one input of a target instead, such as one that a run has found
    #[arg(long)]
    input: Option<PathBuf>,
}

impl Fuzz {
    /// Builds and runs them; fails when an input broke one.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let package = workspace::root().join(PACKAGE);
        let targets = chosen(&self.targets, &known(&package)?)?;
        let folder = workspace::target()?.join("fuzz");
        let built = build(&package, &folder, &targets)?;
        if let Some(input) = &self.input {
            let [target] = targets.as_slice() else {
                let one = "name the one target that is to look at the input";
                return Err(ChoreError::Refused(one.to_owned()));
            };
            return command::run(Command::new(built.join(target)).arg(input));
        }
        let place = Place {
            package,
            built,
            folder,
            seconds: self.minutes * 60,
        };
        let reports = place.run_all(&targets, self.at_once)?;
        let count = reports.iter().filter(|report| report.is_broken()).count();
        if count == 0 {
            return Ok(());
        }
        Err(ChoreError::Findings {
            chore: "fuzz",
            count,
        })
    }
}

/// The targets that there are, by name.
fn known(package: &Path) -> Result<Vec<String>, ChoreError> {
    let folder = package.join("fuzz_targets");
    let files = fs::read_dir(&folder).doing(|| format!("read {}", folder.display()))?;
    let stem = |path: PathBuf| path.file_stem()?.to_str().map(str::to_owned);
    let mut names: Vec<String> = files.filter_map(|file| stem(file.ok()?.path())).collect();
    names.sort();
    Ok(names)
}

fn chosen(named: &[String], known: &[String]) -> Result<Vec<String>, ChoreError> {
    if named.is_empty() {
        return Ok(known.to_vec());
    }
    match named.iter().find(|name| !known.contains(name)) {
        None => Ok(named.to_vec()),
        Some(name) => Err(ChoreError::Refused(format!(
            "there is no target `{name}`; there are {}",
            known.join(", ")
        ))),
    }
}

/// Builds the targets and answers where they are.
fn build(package: &Path, folder: &Path, targets: &[String]) -> Result<PathBuf, ChoreError> {
    let host = host()?;
    let manifest = package.join("Cargo.toml");
    // Not locked: when a crate gets a dependency, this lock file follows, and is committed with what it found.
    let mut build = command::cargo(&["build", "--release", "--manifest-path"]);
    // With a target named, the flags are not those of build scripts and of macros.
    build.arg(manifest).args(["--target", &host]);
    for target in targets {
        build.args(["--bin", target]);
    }
    build
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env("CARGO_TARGET_DIR", folder);
    command::run(&mut build)?;
    Ok(folder.join(host).join("release"))
}

/// This machine, as the compiler names it.
fn host() -> Result<String, ChoreError> {
    let told = command::read(&mut command::cargo(&["-vV"]))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    let missing = || ChoreError::Refused("cargo does not say which machine this is".to_owned());
    host.map(str::to_owned).ok_or_else(missing)
}

/// Where a run takes place, and for how long.
struct Place {
    package: PathBuf,
    built: PathBuf,
    /// What is kept: corpora, logs, and what was found.
    folder: PathBuf,
    seconds: u32,
}

impl Place {
    /// Runs the targets, so many at a time, and tells of each when it ends.
    fn run_all(&self, targets: &[String], at_once: u16) -> Result<Vec<Report>, ChoreError> {
        let waiting = Mutex::new(targets.iter().collect::<VecDeque<_>>());
        let next = || {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.pop_front()
        };
        let lane = || {
            let mut reports = Vec::new();
            while let Some(target) = next() {
                let report = self.run_one(target)?;
                say::line(&report);
                reports.push(report);
            }
            Ok(reports)
        };
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..at_once).map(|_| scope.spawn(lane)).collect();
            let mut all = Vec::new();
            for lane in lanes {
                let broken = |_panic| ChoreError::Refused("a lane broke".to_owned());
                all.extend(lane.join().map_err(broken)??);
            }
            Ok(all)
        })
    }

    fn run_one(&self, target: &str) -> Result<Report, ChoreError> {
        let own = self.folder.join("runs").join(target);
        let (corpus, found) = (own.join("corpus"), own.join("found"));
        for folder in [&corpus, &found] {
            fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
        }
        let log = own.join("log");
        let file = File::create(&log).doing(|| format!("write {}", log.display()))?;
        let mut fuzzer = Command::new(self.built.join(target));
        fuzzer
            .arg(&corpus)
            .arg(self.package.join("seeds").join(target))
            .arg(format!("-max_total_time={}", self.seconds))
            .arg(format!("-max_len={LONGEST}"))
            .arg(format!("-timeout={PATIENCE}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!(
                "-dict={}",
                self.package.join("words.dict").display()
            ))
            .arg(format!("-artifact_prefix={}/", found.display()))
            .arg("-print_final_stats=1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        let status = fuzzer.status().doing(|| format!("start {target}"))?;
        let told = fs::read(&log).doing(|| format!("read {}", log.display()))?;
        Ok(Report::read(
            target,
            status.success(),
            &String::from_utf8_lossy(&told),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A target is compiled by nothing that CI runs; so its parts are held together here.
    #[test]
    fn every_target_has_a_function_a_seed_and_a_place_in_the_package() {
        let root = workspace::root();
        let package = root.join(PACKAGE);
        let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
        let targets = known(&package).unwrap();
        assert!(targets.len() >= 9, "{targets:?}");
        assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
        for target in targets {
            let path = format!("fuzz_targets/{target}.rs");
            assert!(manifest.contains(&format!("name = \"{target}\"\npath = \"{path}\"")));
            let text = fs::read_to_string(package.join(path)).unwrap();
            let (_, call) = text.split_once("target!(response_").unwrap();
            let (name, _) = call.split_once(',').unwrap();
            let (place, function) = name.split_once("::fuzz::").unwrap();
            let folder = root.join("crates").join(place).join("src");
            let held = fs::read_to_string(folder.join("fuzz.rs")).unwrap();
            assert!(held.contains(&format!("pub fn {function}(")), "{name}");
            let check = format!("check(\"{target}\"");
            assert!(held.contains(&check), "{target} is held by no test");
            let seeds = fs::read_dir(package.join("seeds").join(&target)).unwrap();
            assert!(seeds.count() > 0, "{target} has no seed");
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_told_of_with_those_that_are() {
        let known = ["a".to_owned(), "b".to_owned()];
        assert_eq!(chosen(&[], &known).unwrap(), known);
        assert_eq!(chosen(&["b".to_owned()], &known).unwrap(), ["b"]);
        let refusal = chosen(&["c".to_owned()], &known).unwrap_err().to_string();
        assert_eq!(refusal, "there is no target `c`; there are a, b");
    }
}
