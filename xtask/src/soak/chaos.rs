//! Does to the processes what the agenda says, and starts again what ended, on a thread of its own: signals
//! and restarts are not waited for by the load.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Deed, LEASE};
use super::fleet::{Member, Standing};
use crate::db::{self, Restart};
use crate::error::ChoreError;
use crate::say;

const TICK: Duration = Duration::from_millis(20);
/// How long a process may take to end when it is asked to.
const ENDING: Duration = Duration::from_secs(30);
/// How long it is waited before what ended by itself is started again.
const AGAIN: Duration = Duration::from_millis(500);

const CUT_LISTENERS: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
    where datname = current_database() and pid <> pg_backend_pid() \
    and (query ilike 'listen%' or query ilike '%pg_listening_channels%')";
const CUT_CONNECTIONS: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
    where datname = current_database() and pid <> pg_backend_pid()";

/// The trouble while it goes on.
#[derive(Debug)]
pub(super) struct Chaos {
    thread: JoinHandle<Result<Aftermath, ChoreError>>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    api: SocketAddr,
}

/// What the trouble left.
#[derive(Debug)]
pub(super) struct Aftermath {
    /// Everybody runs again.
    pub(super) fleet: Vec<Member>,
    /// How often what was done.
    pub(super) deeds: BTreeMap<&'static str, usize>,
    /// When workers lost what they had.
    pub(super) losses: Vec<(Instant, Instant)>,
    /// Processes that ended though nobody told them to.
    pub(super) gone: Vec<String>,
}

impl Chaos {
    /// Begins.
    pub(super) fn unleash(
        agenda: Agenda,
        fleet: Vec<Member>,
        restart: Option<Restart>,
        database: &str,
    ) -> Self {
        let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let api = fleet
            .first()
            .map_or_else(|| SocketAddr::from(([0; 4], 0)), |api| api.address);
        let mut hand = Hand {
            back: vec![None; fleet.len()],
            thaw: vec![None; fleet.len()],
            killer: vec![None; fleet.len()],
            restart,
            database: database.to_owned(),
            after: Aftermath {
                fleet,
                deeds: BTreeMap::new(),
                losses: Vec::new(),
                gone: Vec::new(),
            },
        };
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&done));
        let thread = thread::spawn(move || {
            hand.work(agenda, &stopped, &counted)?;
            hand.wake_everybody()?;
            Ok(hand.after)
        });
        Self {
            thread,
            stop,
            done,
            api,
        }
    }

    /// Where the API is, whichever process it is.
    pub(super) fn api(&self) -> SocketAddr {
        self.api
    }

    /// How far it is, in words.
    pub(super) fn news(&self) -> String {
        format!(
            "{} times there was trouble",
            self.done.load(Ordering::Relaxed)
        )
    }

    /// Ends the trouble; everybody runs when this returns.
    pub(super) fn end(self) -> Result<Aftermath, ChoreError> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |_| ChoreError::Refused("the trouble got into trouble".to_owned());
        self.thread.join().map_err(panicked)?
    }
}

/// Who does it. The lists have a place for each process.
struct Hand {
    after: Aftermath,
    /// When it is started again.
    back: Vec<Option<Instant>>,
    /// When it goes on.
    thaw: Vec<Option<Instant>>,
    /// When it is killed because it does not end.
    killer: Vec<Option<Instant>>,
    restart: Option<Restart>,
    database: String,
}

impl Hand {
    fn work(
        &mut self,
        agenda: Agenda,
        stop: &AtomicBool,
        done: &AtomicUsize,
    ) -> Result<(), ChoreError> {
        let begun = Instant::now();
        let mut deeds = agenda.deeds().peekable();
        while !stop.load(Ordering::Relaxed) {
            self.look_after()?;
            if let Some((_, deed)) = deeds.next_if(|(at, _)| begun.elapsed() >= *at)
                && self.perform(deed)
            {
                *self.after.deeds.entry(deed.kind()).or_default() += 1;
                done.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(TICK);
        }
        Ok(())
    }

    /// Does one thing; answers whether there was anything to do it to.
    fn perform(&mut self, deed: Deed) -> bool {
        let now = Instant::now();
        match deed {
            Deed::KillWorker(worker, down) => self.kill(usize::from(worker) + 1, down),
            Deed::KillApi(down) => self.kill(0, down),
            Deed::FreezeWorker(worker, span) => {
                let is_done = self.freeze(usize::from(worker) + 1, span);
                // One that is slow to wake loses its lease a little sooner.
                if is_done && span + Duration::from_secs(5) > LEASE {
                    self.after.losses.push((now, now + span));
                }
                is_done
            }
            Deed::FreezeApi(span) => self.freeze(0, span),
            Deed::EndWorker(worker) => self.end(usize::from(worker) + 1),
            Deed::EndApi => self.end(0),
            Deed::RestartDatabase(stop) => {
                let Some(restart) = &self.restart else {
                    return false;
                };
                if let Err(error) = restart.restart(stop) {
                    say::error(&error);
                }
                true
            }
            Deed::CutListeners => db::ask(&self.database, CUT_LISTENERS).is_ok(),
            Deed::CutConnections => db::ask(&self.database, CUT_CONNECTIONS).is_ok(),
        }
    }

    fn kill(&mut self, place: usize, down: Duration) -> bool {
        let Some(member) = self.after.fleet.get_mut(place) else {
            return false;
        };
        if !matches!(member.standing(), Standing::Runs | Standing::Frozen) {
            return false;
        }
        member.kill();
        let now = Instant::now();
        if place > 0 {
            self.after.losses.push((now, now));
        }
        set(&mut self.back, place, now + down);
        true
    }

    fn freeze(&mut self, place: usize, span: Duration) -> bool {
        let Some(member) = self.after.fleet.get_mut(place) else {
            return false;
        };
        if member.standing() != Standing::Runs {
            return false;
        }
        member.freeze();
        set(&mut self.thaw, place, Instant::now() + span);
        true
    }

    fn end(&mut self, place: usize) -> bool {
        let Some(member) = self.after.fleet.get_mut(place) else {
            return false;
        };
        if member.standing() != Standing::Runs {
            return false;
        }
        member.terminate();
        set(&mut self.back, place, Instant::now());
        set(&mut self.killer, place, Instant::now() + ENDING);
        true
    }

    /// Wakes who slept long enough, and starts who is over.
    fn look_after(&mut self) -> Result<(), ChoreError> {
        let now = Instant::now();
        for (place, member) in self.after.fleet.iter_mut().enumerate() {
            if due(&mut self.thaw, place, now) {
                member.thaw();
            }
            match member.standing() {
                Standing::Ended if due(&mut self.back, place, now) => {
                    take(&mut self.killer, place);
                    member.start()?;
                }
                Standing::Ending if due(&mut self.killer, place, now) => {
                    let name = &member.name;
                    self.after
                        .gone
                        .push(format!("{name} did not end within {ENDING:?}"));
                    member.kill();
                }
                Standing::Gone => {
                    let (name, starts) = (&member.name, member.starts());
                    let what = format!("{name} ended by itself, see {name}.{starts}.log");
                    say::note(&what);
                    self.after.gone.push(what);
                    thread::sleep(AGAIN);
                    member.start()?;
                    if place > 0 {
                        self.after.losses.push((now, now));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn wake_everybody(&mut self) -> Result<(), ChoreError> {
        let until = Instant::now() + ENDING + ENDING;
        for place in 0..self.after.fleet.len() {
            if take(&mut self.thaw, place).is_some()
                && let Some(member) = self.after.fleet.get_mut(place)
            {
                member.thaw();
            }
            if let Some(back) = self.back.get_mut(place) {
                *back = back.map(|_| Instant::now());
            }
        }
        loop {
            self.look_after()?;
            let mut all = self.after.fleet.iter_mut();
            if all.all(|member| member.standing() == Standing::Runs) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(ChoreError::Refused(
                    "not all processes run again".to_owned(),
                ));
            }
            thread::sleep(TICK);
        }
    }
}

fn set(list: &mut [Option<Instant>], place: usize, at: Instant) {
    if let Some(own) = list.get_mut(place) {
        *own = Some(at);
    }
}

fn take(list: &mut [Option<Instant>], place: usize) -> Option<Instant> {
    list.get_mut(place)?.take()
}

/// Whether the moment has come; then it is not waited for any more.
fn due(list: &mut [Option<Instant>], place: usize, now: Instant) -> bool {
    let own = list.get_mut(place);
    own.is_some_and(|own| own.take_if(|at| *at <= now).is_some())
}
