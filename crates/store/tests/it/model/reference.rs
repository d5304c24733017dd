//! What the queue is to do, in memory and one step at a time.

use std::collections::BTreeSet;

/// How often a response may be lost.
pub(crate) const ATTEMPTS: i32 = 3;

/// A lease as the reference knows it: the numbers of response and process, and the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    pub(crate) response: u32,
    pub(crate) process: u32,
    pub(crate) token: i64,
}

/// A job of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Job {
    pub(crate) holder: Option<u32>,
    pub(crate) token: i64,
    pub(crate) attempt: i32,
    pub(crate) losses: i32,
}

/// A response of the reference. Its number is its place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) status: &'static str,
    pub(crate) deleted: bool,
    /// How many events its log has.
    pub(crate) log: i64,
    pub(crate) job: Option<Job>,
}

/// The reference.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reference {
    /// The first has number 1.
    pub(crate) entries: Vec<Entry>,
    /// Processes that gave a sign of life and did not fall silent.
    alive: BTreeSet<u32>,
    /// Every lease there ever was.
    pub(crate) leases: Vec<Held>,
}

impl Reference {
    fn numbered(&mut self) -> impl Iterator<Item = (u32, &mut Entry)> {
        (1..).zip(self.entries.iter_mut())
    }

    pub(crate) fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        self.entries
            .get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Answers the number of the new response.
    pub(crate) fn enqueue(&mut self) -> u32 {
        self.entries.push(Entry {
            status: "queued",
            deleted: false,
            log: 1,
            job: Some(Job::default()),
        });
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Answers what this process holds.
    pub(crate) fn beat(&mut self, process: u32) -> Vec<Held> {
        self.alive.insert(process);
        self.current()
            .into_iter()
            .filter(|held| held.process == process)
            .collect()
    }

    pub(crate) fn fall_silent(&mut self, process: u32) {
        self.alive.remove(&process);
    }

    /// The leases that are the latest of their response.
    pub(crate) fn current(&self) -> Vec<Held> {
        let held = |(response, entry): (u32, &Entry)| {
            let job = entry.job?;
            let process = job.holder?;
            Some(Held {
                response,
                process,
                token: job.token,
            })
        };
        (1..).zip(&self.entries).filter_map(held).collect()
    }

    pub(crate) fn is_current(&self, lease: Held) -> bool {
        self.current().contains(&lease)
    }

    pub(crate) fn claim(&mut self, process: u32, at_most: usize) -> Vec<(Held, i32)> {
        let mut claimed = Vec::new();
        for (response, entry) in self.numbered() {
            let Some(job) = entry.job.as_mut().filter(|job| job.holder.is_none()) else {
                continue;
            };
            if claimed.len() == at_most {
                break;
            }
            *job = Job {
                holder: Some(process),
                token: job.token + 1,
                attempt: job.attempt + 1,
                ..*job
            };
            claimed.push((
                Held {
                    response,
                    process,
                    token: job.token,
                },
                job.attempt,
            ));
        }
        self.leases.extend(claimed.iter().map(|(held, _)| *held));
        claimed
    }

    /// Adds events under a lease; answers whether they are written. `status` is how the response stands
    /// afterwards, if that changes.
    pub(crate) fn write(&mut self, lease: Held, events: i64, status: Option<&'static str>) -> bool {
        let is_current = self.is_current(lease);
        if let Some(entry) = self.entry_mut(lease.response).filter(|_| is_current) {
            entry.log += events;
            entry.status = status.unwrap_or(entry.status);
            if status.is_some_and(|status| status != "in_progress") {
                entry.job = None;
            }
        }
        is_current
    }

    /// Answers whether there was something to cancel.
    pub(crate) fn cancel(&mut self, number: u32) -> bool {
        let waiting = self.entry_mut(number).filter(|entry| entry.job.is_some());
        let Some(entry) = waiting else {
            return false;
        };
        entry.status = "cancelled";
        entry.job = None;
        entry.log += 1;
        true
    }

    pub(crate) fn hand_back(&mut self, lease: Held) {
        let is_current = self.is_current(lease);
        let Some(entry) = self.entry_mut(lease.response).filter(|_| is_current) else {
            return;
        };
        entry.status = "queued";
        if let Some(job) = &mut entry.job {
            *job = Job {
                holder: None,
                token: job.token + 1,
                attempt: job.attempt - 1,
                ..*job
            };
        }
    }

    /// Answers what waits again, and what the rescuer holds.
    pub(crate) fn rescue(&mut self, process: u32) -> (Vec<u32>, Vec<Held>) {
        let (mut again, mut spent) = (Vec::new(), Vec::new());
        let alive = self.alive.clone();
        for (response, entry) in self.numbered() {
            let is_lost = |job: &&mut Job| job.holder.is_some_and(|it| !alive.contains(&it));
            let Some(job) = entry.job.as_mut().filter(is_lost) else {
                continue;
            };
            job.token += 1;
            job.losses += 1;
            if job.losses >= ATTEMPTS {
                job.holder = Some(process);
                spent.push(Held {
                    response,
                    process,
                    token: job.token,
                });
            } else {
                job.holder = None;
                entry.status = "queued";
                again.push(response);
            }
        }
        self.leases.extend(&spent);
        (again, spent)
    }

    /// Answers whether there was something to delete.
    pub(crate) fn delete(&mut self, number: u32) -> bool {
        let ended = self
            .entry_mut(number)
            .filter(|entry| entry.job.is_none() && !entry.deleted);
        let Some(entry) = ended else {
            return false;
        };
        entry.deleted = true;
        entry.log = 0;
        true
    }

    pub(crate) fn waiting(&self) -> usize {
        let waits = |entry: &&Entry| entry.job.is_some_and(|job| job.holder.is_none());
        self.entries.iter().filter(waits).count()
    }
}
