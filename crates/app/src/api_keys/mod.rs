//! The keys of this service in the hands of an operator, who makes them, looks at them and takes them back;
//! also beside a process that serves. What a key is, and how it lets somebody in, is told in `identity`.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use response_domain::api_key::ApiKey;
use response_domain::caller::{InvalidSubject, OwnerId};
use response_domain::id::{ApiKeyId, IdGenerator, InvalidId};
use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::store::StoreError;
use response_domain::time::{Clock, Timestamp};
use response_identity::keys::{NoRandomness, fresh};
use response_settings::{Database as Section, read_duration};
use response_store::Store;
use response_store::options::{Database, Options, Share};

use crate::doors::{SystemClock, SystemIds};
use crate::{BuildError, storage};

mod list;

/// A key that is good for less is a slip of the pen.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(24 * 3650);

const LABEL_LENGTH: usize = 200;

/// How every key begins, of this service and of others.
const KEY_PREFIX: &str = "sk_";

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and print it: this once, for only its digest is kept.
    Create(Create),
    /// Show the keys that there are; none of them can be read again.
    List(List),
    /// Take a key back.
    Revoke(Revoke),
}

/// Whom a key lets in.
#[derive(Debug, Args)]
pub struct Owner {
    /// Who it is: the `sub` of its tokens, or the name that the gateway has for it.
    #[arg(long = "owner", value_name = "NAME")]
    name: Option<String>,
    /// Where NAME is known: an issuer that is not the first one, or `consumer` for a consumer of the gateway
    /// that is no user. Without it: among the users of the first issuer.
    #[arg(long, value_name = "REALM", requires = "name")]
    realm: Option<String>,
}

/// A key to be made.
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    owner: Owner,
    /// What the key is for.
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// How long it is good, such as 90d; without it for ever.
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    expires: Option<Duration>,
    /// Explain nothing.
    #[arg(long)]
    quiet: bool,
}

/// Which keys are shown.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    owner: Owner,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A key to be taken back.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its id, which begins with `key_`. It is not the key itself.
    id: String,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] BuildError),
    /// A key has no owner.
    #[error("say whom the key lets in: --owner NAME")]
    NoOwner,
    /// The guest has no keys.
    #[error(
        "a key cannot be the guest's: `guest` is whoever calls a service that checks nothing; give the key \
         to an owner of another name"
    )]
    Guest,
    /// The owner has no such name.
    #[error("--owner or --realm names nobody; a realm has no `|` in it")]
    Owner(#[from] InvalidSubject),
    /// The label cannot be kept.
    #[error("--label takes 1 to {LABEL_LENGTH} characters, no control characters among them")]
    Label,
    /// A key was given in place of its id. It is not repeated.
    #[error(
        "this is a key and not its id, which begins with `key_`: `response-api keys list` shows it. The key \
         may now stand in the history of your shell"
    )]
    KeyForId,
    /// Not the id of a key. It is not repeated either: nobody knows what it is.
    #[error("a key is taken back by its id, which `response-api keys list` shows")]
    Id(#[from] InvalidId),
    /// There is no such key.
    #[error("there is no key {0}: `response-api keys list` shows all there are")]
    Unknown(ApiKeyId),
    /// There is no key of this owner.
    #[error("there is no key of `{0}`: without --owner all there are are shown")]
    UnknownOwner(OwnerId),
    /// The key cannot be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The database did not do it.
    #[error("the keys cannot be had")]
    Store(#[from] StoreError),
    /// Nobody reads what is written.
    #[error("the answer cannot be written")]
    Output(#[from] io::Error),
}

/// Does it, in this database, whoever serves from it.
pub async fn run(command: Command, database: Section) -> Result<(), KeysError> {
    let options = storage::options(database).map_err(BuildError::Store)?;
    let options = Options {
        share: Share::Beside,
        ..options
    };
    let place = place(&options.database);
    let store = Store::open(options).await.map_err(BuildError::Store)?;
    let (mut out, mut aside) = (io::stdout(), io::stderr());
    let mut desk = Desk {
        keys: &store,
        clock: &SystemClock,
        ids: &SystemIds,
        place: &place,
        out: &mut out,
        aside: &mut aside,
    };
    let done = desk.serve(command).await;
    store.close().await;
    done
}

/// Which database it is, for people.
fn place(database: &Database) -> String {
    match database {
        Database::Sqlite(path) => path.display().to_string(),
        Database::Postgres { .. } => "the PostgreSQL database".to_owned(),
    }
}

/// Where an operator is served.
struct Desk<'a> {
    keys: &'a dyn ApiKeyStore,
    clock: &'a dyn Clock,
    ids: &'a dyn IdGenerator,
    /// Which database it is.
    place: &'a str,
    /// Where what was asked for goes.
    out: &'a mut (dyn Write + Send),
    /// Where explanations go.
    aside: &'a mut (dyn Write + Send),
}

impl Desk<'_> {
    async fn serve(&mut self, command: Command) -> Result<(), KeysError> {
        match command {
            Command::Create(create) => self.create(create).await,
            Command::List(list) => self.list(list).await,
            Command::Revoke(revoke) => self.revoke(&revoke).await,
        }
    }

    async fn create(&mut self, create: Create) -> Result<(), KeysError> {
        let Create {
            owner,
            label,
            expires,
            quiet,
        } = create;
        let owner = owner.id()?.ok_or(KeysError::NoOwner)?;
        let now = self.clock.now();
        let key = ApiKey {
            id: ApiKeyId::new(self.ids.next()),
            owner,
            label: label.map(fit_label).transpose()?,
            created_at: now,
            expires_at: expires.map(|lifetime| now.after(lifetime)),
            revoked_at: None,
            last_used_at: None,
        };
        let fresh = fresh()?;
        self.keys.add_key(&key, &fresh.digest).await?;
        told("keys.create", &key);
        writeln!(self.out, "{}", *fresh.text)?;
        self.out.flush()?;
        if !quiet {
            self.explain(&key)?;
        }
        Ok(())
    }

    fn explain(&mut self, key: &ApiKey) -> io::Result<()> {
        let until = match key.expires_at {
            Some(at) => format!("until {}", list::moment(at)),
            None => "until somebody takes it back".to_owned(),
        };
        writeln!(
            self.aside,
            "This is the key {} of the owner `{}`, good {until}, in {}.\n\
             Keep it now: it cannot be shown again. Callers send it as `X-API-Key`, or as `Authorization: \
             Bearer`, and it lets them in where AUTH_ENABLED is true.\n\
             `response-api keys revoke {}` takes it back.",
            key.id, key.owner, self.place, key.id
        )
    }

    async fn list(&mut self, list: List) -> Result<(), KeysError> {
        let owner = list.owner.id()?;
        let keys = self.keys.keys_of(owner.as_ref()).await?;
        if let Some(owner) = owner.filter(|_| keys.is_empty()) {
            return Err(KeysError::UnknownOwner(owner));
        }
        let now = self.clock.now();
        let text = if list.json {
            list::json(&keys, now)
        } else {
            list::table(&keys, now)
        };
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    async fn revoke(&mut self, revoke: &Revoke) -> Result<(), KeysError> {
        let given = revoke.id.trim();
        if given.starts_with(KEY_PREFIX) {
            return Err(KeysError::KeyForId);
        }
        let id: ApiKeyId = given.parse()?;
        let now = self.clock.now();
        let found = self.keys.revoke_key(id, now).await?;
        let key = found.ok_or(KeysError::Unknown(id))?;
        let is_old = |at: &Timestamp| at.micros() < now.micros();
        if let Some(at) = key.revoked_at.filter(is_old) {
            writeln!(
                self.aside,
                "The key {id} of the owner `{}` was taken back before, at {}.",
                key.owner,
                list::moment(at)
            )?;
            return Ok(());
        }
        told("keys.revoke", &key);
        writeln!(
            self.aside,
            "The key {id} of the owner `{}` is taken back. Processes that have just seen it may take it for as \
             long as AUTH_KEY_CACHE says.",
            key.owner
        )?;
        Ok(())
    }
}

impl Owner {
    /// Whom it names, if anybody.
    fn id(&self) -> Result<Option<OwnerId>, KeysError> {
        let Some(name) = self.name.as_deref() else {
            return Ok(None);
        };
        if self.realm.is_none() && name == OwnerId::guest().as_str() {
            return Err(KeysError::Guest);
        }
        Ok(Some(OwnerId::of_subject(self.realm.as_deref(), name)?))
    }
}

fn fit_label(label: String) -> Result<Arc<str>, KeysError> {
    let is_fit =
        (1..=LABEL_LENGTH).contains(&label.chars().count()) && !label.chars().any(char::is_control);
    if is_fit {
        Ok(label.into())
    } else {
        Err(KeysError::Label)
    }
}

fn lifetime(text: &str) -> Result<Duration, String> {
    read_duration(text, &(SHORTEST..=LONGEST))
}

/// The line of the audit log.
fn told(action: &'static str, key: &ApiKey) {
    tracing::info!(
        target: "audit",
        {
            audit.action = action,
            audit.outcome = "ok",
            caller.means = "command",
            caller.owner = key.owner.as_str(),
            key.id = %key.id,
            object.id = %key.id,
        },
        "a change was asked for"
    );
}

#[cfg(test)]
mod tests;
