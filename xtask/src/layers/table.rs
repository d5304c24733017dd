//! The table: every crate of the house, its floor, and what it may use.
//!
//! Four floors: a crate uses only what stands on a lower floor. `domain` also names the outside
//! crates it may use, because the purity of everything above rests on it.

/// A crate of the house and what it may use.
pub(super) struct Room {
    /// The package's name without the product's prefix.
    pub(super) name: &'static str,
    /// The floor it stands on. The chores stand apart, above all.
    pub(super) floor: u8,
    /// The own crates it may depend on.
    pub(super) may: &'static [&'static str],
    /// What its tests may use besides.
    pub(super) tests: Tests,
    /// The outside crates it may depend on, where that is limited.
    pub(super) outside: Option<&'static [&'static str]>,
}

/// What the tests of a room may use besides what the room itself may.
pub(super) enum Tests {
    /// The fakes and the stand-ins.
    Fakes,
    /// The fakes, the stand-ins and every crate up to this floor.
    UpTo(u8),
    /// Every crate: these tests run the whole house.
    Everything,
}

const fn room(name: &'static str, floor: u8, may: &'static [&'static str], tests: Tests) -> Room {
    Room {
        name,
        floor,
        may,
        tests,
        outside: None,
    }
}

const EVERYTHING_BELOW_APP: &[&str] = &[
    "domain",
    "engine",
    "store",
    "egress",
    "llm",
    "mcp",
    "webhook",
    "identity",
    "vault",
    "settings",
    "migrations",
];

const PURE: &[&str] = &[
    "async-trait",
    "chrono",
    "futures-core",
    "serde_json",
    "thiserror",
    "zeroize",
];

/// Every crate of the house, from the ground up.
pub(super) const ROOMS: &[Room] = &[
    Room {
        name: "domain",
        floor: 1,
        may: &[],
        tests: Tests::Fakes,
        outside: Some(PURE),
    },
    room("egress", 1, &[], Tests::Fakes),
    room("settings", 1, &[], Tests::Fakes),
    room("migrations", 1, &[], Tests::Fakes),
    room("engine", 2, &["domain"], Tests::Fakes),
    room("store", 2, &["domain", "migrations"], Tests::Fakes),
    room("llm", 2, &["domain", "egress"], Tests::Fakes),
    room("mcp", 2, &["domain", "egress"], Tests::Fakes),
    room("webhook", 2, &["domain", "egress"], Tests::Fakes),
    room("identity", 2, &["domain", "egress"], Tests::Fakes),
    room("vault", 2, &["domain"], Tests::Fakes),
    room("testkit", 2, &["domain", "migrations"], Tests::Fakes),
    room("devstack", 2, &["egress"], Tests::Fakes),
    room("http", 3, &["domain", "engine"], Tests::UpTo(2)),
    room("app", 3, EVERYTHING_BELOW_APP, Tests::Everything),
    room("server", 4, &["app", "http", "settings"], Tests::Everything),
    room("worker", 4, &["app", "http", "settings"], Tests::Everything),
    room(
        "xtask",
        5,
        &["settings", "http", "devstack", "egress", "testkit"],
        Tests::Fakes,
    ),
];

/// The crates that tests may use wherever they stand.
pub(super) const FOR_TESTS: &[&str] = &["testkit", "devstack"];
