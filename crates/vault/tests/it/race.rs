//! Processes that start at once over one folder. The test starts itself several times more; each child
//! waits at the line until all are there.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

use response_domain::ports::vault::{Sealed, SecretVault};
use response_vault::{KEY_FILE, Vault};

use crate::{TOKEN, binding};

const CHILDREN: u128 = 8;
const THREADS: usize = 16;

/// A test filter that matches nothing: its being there tells a child that it is one.
const CHILD: &str = "as-a-child";

/// What a child prints when it stands at the line.
const READY: &str = "ready";

fn is_child() -> bool {
    std::env::args().any(|argument| argument == CHILD)
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .args(["race::processes_that_start_at_once_agree_on_one_key", CHILD])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Seals something with the key of this folder as soon as the parent lets go.
#[expect(clippy::print_stdout, reason = "the parent waits for this line")]
fn run_as_child() {
    println!("\n{READY}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let vault = Vault::from_file_in(Path::new(".")).unwrap();
    let process = u128::from(std::process::id());
    let sealed = vault
        .seal(TOKEN.as_bytes(), &binding("ada", process))
        .unwrap();
    std::fs::write(process.to_string(), &sealed.bytes).unwrap();
}

#[test]
fn processes_that_start_at_once_agree_on_one_key() {
    if is_child() {
        run_as_child();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut children: Vec<_> = (0..CHILDREN).map(|_| start(folder.path())).collect();
    let outputs: Vec<_> = children
        .iter_mut()
        .map(|child| {
            let mut output = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            while line.trim_end() != READY {
                line.clear();
                assert!(output.read_line(&mut line).unwrap() > 0, "a child is gone");
            }
            output
        })
        .collect();
    for child in &mut children {
        drop(child.stdin.take());
    }
    for mut output in outputs {
        output.read_to_end(&mut Vec::new()).unwrap();
    }

    let vault = Vault::from_file_in(folder.path()).unwrap();
    let id = vault.key_ids().next().unwrap().to_owned();
    for mut child in children {
        assert!(child.wait().unwrap().success());
        let sealed = Sealed {
            key: id.as_str().into(),
            bytes: std::fs::read(folder.path().join(child.id().to_string()))
                .unwrap()
                .into(),
        };
        let binding = binding("ada", u128::from(child.id()));
        assert_eq!(*vault.open(&sealed, &binding).unwrap(), TOKEN.as_bytes());
    }
}

#[test]
fn whoever_comes_at_the_same_moment_takes_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let line = Barrier::new(THREADS);
    let open = || {
        line.wait();
        let vault = Vault::from_file_in(folder.path()).unwrap();
        vault.key_ids().map(str::to_owned).collect::<Vec<_>>()
    };
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(open)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [KEY_FILE]);
}
