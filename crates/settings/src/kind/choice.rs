//! Settings that are one of a few words.

use super::{Given, Kind, Refusal};

/// `Name { /// meaning⏎ Variant = "word" | "also accepted"…, }`, then `because "…"` when there is
/// something to say about what is not among the words.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $($(#[doc = $meaning:literal])+ $variant:ident = $word:literal $(| $also:literal)*,)+
        }
        $(because $reason:literal)?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl $name {
            /// The word that a setting says it with.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Kind for $name {
            type Limits = ();

            fn allowed((): &()) -> String {
                let words = one_of(&[$($word),+]);
                let reasons: &[&str] = &[$($reason)?];
                match reasons.first() {
                    Some(reason) => format!("{words} ({reason})"),
                    None => words,
                }
            }

            fn read(given: &Given<'_>, (): &()) -> Result<Self, Refusal> {
                given.parse(|text| match text.to_ascii_lowercase().as_str() {
                    $($word $(| $also)* => Some(Self::$variant),)+
                    _ => None,
                })
            }

            fn show(&self) -> String {
                self.name().to_owned()
            }
        }
    };
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}

choice! {
    /// When the schema is brought up to date.
    Migrations {
        /// At the start, before anything is served.
        AtStart = "true" | "1" | "on" | "yes",
        /// Only by `response-api migrate`.
        ByHand = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// Whether `response-api` works on background responses itself.
    EmbeddedWorkers {
        /// With the embedded database it does; with PostgreSQL `response-worker` does.
        Auto = "auto",
        /// It does.
        On = "true" | "1" | "on" | "yes",
        /// It does not.
        Off = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// What a run does at its depth limit.
    OnMaxDepth {
        /// It fails with `max_depth_exceeded`.
        Fail = "fail",
        /// The model is asked once more, without tools.
        Answer = "answer",
    }
}

choice! {
    /// What a tool that times out or cannot be reached does to a run.
    OnToolFailure {
        /// It ends the run.
        Fail = "fail",
        /// The model is told, and the run goes on.
        Report = "report",
    }
}

choice! {
    /// What becomes of a tool that only a model's vendor runs.
    HostedTools {
        /// It is left out, with a note in the trace.
        Ignore = "ignore",
        /// The request is refused.
        Refuse = "refuse",
    }
}

choice! {
    /// Whether requests may bring MCP servers of their own.
    CallerServers {
        /// They may, within what the guard allows.
        Called = "true" | "1" | "on" | "yes",
        /// Only the configured ones are called.
        Refused = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// How an MCP server is spoken to.
    McpMode {
        /// With a handshake when the server knows one, else without; what worked is remembered.
        Auto = "auto",
        /// Each call is one post, without a handshake.
        Bare = "bare",
        /// With a handshake and a session.
        Session = "session",
    }
}

choice! {
    /// Whether what a server says about its tools is believed.
    Trust {
        /// Its annotations count.
        Trusted = "true" | "1" | "on" | "yes",
        /// Its annotations are ignored.
        Untrusted = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// Whether a server gets the caller's credential.
    CallerCredential {
        /// It is passed on as it came.
        Forwarded = "true" | "1" | "on" | "yes",
        /// The server never sees it.
        Withheld = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// The least weighty line that is logged.
    LogLevel {
        /// Everything.
        Trace = "trace",
        /// What helps to follow one request.
        Debug = "debug",
        /// What happened.
        Info = "info",
        /// What an operator should look at some time.
        Warn = "warn" | "warning",
        /// What an operator should look at now.
        Error = "error",
        /// Nothing.
        Off = "off",
    }
}

choice! {
    /// The shape of a log line.
    LogFormat {
        /// `Pretty` when stderr is a terminal, else `Json`.
        Auto = "auto",
        /// One JSON object a line.
        Json = "json",
        /// For a person to read.
        Pretty = "pretty",
    }
}

choice! {
    /// Whether traces are exported.
    TraceExport {
        /// They are not.
        Off = "false" | "0" | "off" | "no",
    }
    because "traces are not exported by this build"
}

choice! {
    /// Whether the credentials of callers are checked.
    TokenChecks {
        /// They are.
        On = "true" | "1" | "on" | "yes",
        /// They are not: nobody has to bring one.
        Off = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// Whether keys of this service let callers in.
    OwnKeys {
        /// They do.
        Taken = "true" | "1" | "on" | "yes",
        /// They do not.
        Refused = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// Whether the gateway says who calls.
    GatewayWord {
        /// It does, and it is believed.
        Believed = "true" | "1" | "on" | "yes",
        /// What it says does not matter.
        Ignored = "false" | "0" | "off" | "no",
    }
}

choice! {
    /// Where everybody may be the guest.
    Guests {
        /// On this machine only.
        Loopback = "loopback",
        /// Wherever the API can be reached.
        Anywhere = "anywhere",
    }
}

choice! {
    /// Whether what callers change is told in the log.
    AuditLog {
        /// It is.
        On = "true" | "1" | "on" | "yes",
        /// It is not.
        Off = "false" | "0" | "off" | "no",
    }
}
