//! The lines of a program among those of this chore, each with the program's name before it.

use std::io::{BufRead as _, BufReader, Read};

use tokio::sync::oneshot;

use crate::guard::Guarded;
use crate::say;

/// Shows what a program writes, line by line. What is answered ends when the program has ended.
pub(super) fn show(name: &'static str, program: &mut Guarded) -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    if let Some((output, errors)) = program.output() {
        std::thread::spawn(move || {
            let complaining = std::thread::spawn(move || each(name, errors));
            each(name, output);
            drop(complaining.join());
            // Nobody waits any more when everything ends.
            let _ = tell.send(());
        });
    }
    told
}

fn each(name: &str, output: impl Read) {
    let lines = BufReader::new(output).split(b'\n');
    for line in lines.map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line);
        say::line(format_args!("{name} | {}", text.trim_end()));
    }
}
