//! What one notification says: the tag of its sender, then words. Many nudges go in one, because each
//! notification costs the whole cluster a moment in which nothing else commits.

use std::collections::BTreeSet;

use response_domain::id::ResponseId;
use response_domain::ports::bus::Nudge;

/// How many words a notification has; one of 8,000 bytes would be refused.
const WORDS: usize = 100;

const ANYTHING: &str = "anything";
const LOGGED: &str = "logged:";
const ENDED: &str = "ended:";

/// What there may be to take, of whichever response it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matter {
    /// A response waits.
    Queued,
    /// A response waits again, at its old place: a claim must look at everything.
    QueuedAgain,
    /// A webhook is to be sent.
    Due,
}

impl Matter {
    const ALL: [Self; 3] = [Self::Queued, Self::QueuedAgain, Self::Due];

    const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::QueuedAgain => "queued-again",
            Self::Due => "due",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|matter| matter.word() == word)
    }

    const fn nudge(self) -> Nudge {
        match self {
            Self::Queued | Self::QueuedAgain => Nudge::Queued,
            Self::Due => Nudge::Due,
        }
    }
}

/// What is to be told to the other processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Anything may have changed; nothing else needs to be told.
    pub(super) anything: bool,
    /// There is something of these to take.
    pub(super) matters: BTreeSet<Matter>,
    /// These logs grew.
    pub(super) logged: BTreeSet<ResponseId>,
    /// These responses were ended.
    pub(super) ended: BTreeSet<ResponseId>,
}

impl News {
    /// The notifications that tell all of it, from the process with this tag.
    pub(super) fn write(&self, tag: &str) -> Vec<String> {
        let words: Vec<String> = if self.anything {
            vec![ANYTHING.to_owned()]
        } else {
            let matters = self.matters.iter().map(|matter| matter.word().to_owned());
            let ended = self.ended.iter().map(|id| format!("{ENDED}{id}"));
            let logged = self.logged.iter().map(|id| format!("{LOGGED}{id}"));
            matters.chain(ended).chain(logged).collect()
        };
        let payload = |words: &[String]| format!("{tag} {}", words.join(" "));
        words.chunks(WORDS).map(payload).collect()
    }

    /// What a notification tells; none when it comes from the process with this tag itself. Words that
    /// this release does not know stand for anything.
    pub(super) fn read(payload: &str, own: &str) -> Option<Self> {
        let mut words = payload.split(' ');
        if words.next() == Some(own) {
            return None;
        }
        let mut news = Self::default();
        for word in words {
            news.take(word);
        }
        if news == Self::default() {
            news.anything = true;
        }
        Some(news)
    }

    fn take(&mut self, word: &str) {
        let after = |prefix: &str| word.strip_prefix(prefix)?.parse().ok();
        if let Some(matter) = Matter::from_word(word) {
            self.matters.insert(matter);
        } else if let Some(id) = after(ENDED) {
            self.ended.insert(id);
        } else if let Some(id) = after(LOGGED) {
            self.logged.insert(id);
        } else {
            self.anything = true;
        }
    }

    /// The nudges that it is.
    pub(super) fn nudges(&self) -> Vec<Nudge> {
        if self.anything {
            return vec![Nudge::Anything];
        }
        let mut matters: Vec<Nudge> = self.matters.iter().map(|matter| matter.nudge()).collect();
        // A response that waits again waits.
        matters.dedup();
        let ended = self.ended.iter().copied().map(Nudge::Ended);
        let logged = self.logged.iter().copied().map(Nudge::Logged);
        matters.into_iter().chain(ended).chain(logged).collect()
    }
}

#[cfg(test)]
mod tests {
    use response_domain::id::RawId;

    use super::*;

    fn id(number: u128) -> ResponseId {
        ResponseId::new(RawId::new(u128::MAX - number))
    }

    fn full(ids: u128) -> News {
        News {
            anything: false,
            matters: Matter::ALL.into(),
            logged: (0..ids).map(id).collect(),
            ended: (ids..2 * ids).map(id).collect(),
        }
    }

    #[test]
    fn news_arrive_as_they_were_sent() {
        let anything = News {
            anything: true,
            ..News::default()
        };
        let queued = News {
            matters: [Matter::Queued].into(),
            ..News::default()
        };
        for news in [anything, queued, full(3)] {
            let sent = news.write("7");
            assert_eq!(sent.len(), 1, "{sent:?}");
            assert_eq!(News::read(&sent[0], "8"), Some(news));
        }
    }

    #[test]
    fn what_waits_again_waits() {
        assert_eq!(full(0).nudges(), [Nudge::Queued, Nudge::Due]);
    }

    #[test]
    fn own_news_are_no_news() {
        let sent = full(1).write("7");
        assert_eq!(News::read(&sent[0], "7"), None);
    }

    #[test]
    fn no_notification_is_longer_than_the_server_takes() {
        let sent = full(1_000).write("ffffffffffffffff");
        let ids: usize = sent
            .iter()
            .map(|payload| News::read(payload, "").unwrap())
            .map(|news| news.logged.len() + news.ended.len())
            .sum();
        assert_eq!((sent.len(), ids), (21, 2_000));
        assert!(sent.iter().all(|payload| payload.len() < 8_000));
    }

    #[test]
    fn what_cannot_be_read_stands_for_anything() {
        for payload in [
            "",
            "7",
            "7 ",
            "7 ended:nobody",
            "7 queued later",
            "\u{FFFD}",
        ] {
            let news = News::read(payload, "8").unwrap();
            assert_eq!(news.nudges(), [Nudge::Anything], "{payload:?}");
        }
    }
}
