//! Programs of others that some tests speak through: packages of Python and of JavaScript, as pinned in files
//! beside those tests. Whoever comes first installs them into the build folder, whatever process it runs in;
//! they are installed again only when something else is pinned.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its packages has failed; the message says why"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDED: &str = "This test speaks through programs of others: install Python 3.10 or newer with venv and \
                      Node.js 20 or newer with npm (Debian: apt-get install python3-venv nodejs npm)";

/// Some packages, and where they are put.
#[derive(Debug, Clone, Copy)]
pub struct Packages<'a> {
    /// The folder of whoever asks that is thrown away with what is built.
    pub built: &'a str,
    /// What their folder in there is called.
    pub name: &'a str,
    /// The folder that says which they are.
    pub pinned: &'a str,
    /// The files there that they are made of. All are put beside them.
    pub files: &'a [&'a str],
}

impl Packages<'_> {
    /// What `requirements.txt` pins, with hashes. The folder has the interpreter as `venv/bin/python`.
    ///
    /// # Panics
    /// When they cannot be installed.
    pub fn python(&self) -> PathBuf {
        self.installed(|folder| {
            run(folder, "python3", &["-m", "venv", "--clear", "venv"]);
            run(
                folder,
                "venv/bin/python",
                &[
                    "-m",
                    "pip",
                    "--disable-pip-version-check",
                    "install",
                    "--quiet",
                    "--only-binary=:all:",
                    "--require-hashes",
                    "--requirement=requirements.txt",
                ],
            );
        })
    }

    /// What `package-lock.json` pins. The folder has them as `node_modules`.
    ///
    /// # Panics
    /// When they cannot be installed.
    pub fn node(&self) -> PathBuf {
        self.installed(|folder| {
            run(
                folder,
                "npm",
                &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            );
        })
    }

    fn installed(&self, install: impl FnOnce(&Path)) -> PathBuf {
        let folder = Path::new(self.built).join(self.name);
        fs::create_dir_all(&folder).expect("the build folder can be written to");
        let lock = File::create(folder.join("install.lock")).expect("so can its lock");
        lock.lock().expect("the lock can be waited for");
        let read = |name: &&str| {
            let path = Path::new(self.pinned).join(name);
            fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let pinned: Vec<Vec<u8>> = self.files.iter().map(read).collect();
        let wanted = pinned.concat();
        let mark = folder.join("installed");
        if fs::read(&mark).is_ok_and(|there| there == wanted) {
            return folder;
        }
        for (name, content) in self.files.iter().zip(pinned) {
            fs::write(folder.join(name), content).expect("the build folder can be written to");
        }
        install(&folder);
        fs::write(mark, wanted).expect("the build folder can be written to");
        folder
    }
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output();
    let output =
        output.unwrap_or_else(|error| panic!("{program} does not run ({error}). {NEEDED}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let wanted = arguments.join(" ");
    assert!(
        output.status.success(),
        "{program} {wanted}:\n{said}\n{NEEDED}"
    );
}
