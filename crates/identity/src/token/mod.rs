//! Tokens that an issuer signed: taken apart (`jws.rs`), their signature held against the keys of their issuer
//! (`jwks/`), their claims judged (`claims.rs`), and what came of it remembered for a while.

pub(crate) mod claims;
pub(crate) mod jws;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use response_domain::caller::OwnerId;
use response_domain::ports::auth::{AuthError, Flaw};
use response_domain::time::{Clock, Timestamp};
use response_egress::Url;

use self::claims::Rules;
use self::jws::Jws;
use crate::jwks::{Finding, Keeper, Source, Surroundings};
use crate::keys::sha256;
use crate::options::{Algorithm, Issuer, KeySet, OptionsError, Tokens};

pub(crate) use self::jws::is_like_one;

/// How long a token that was verified is taken for good without being verified again.
const REMEMBERED: Duration = Duration::from_mins(5);

/// Tells whose a token is.
pub(crate) struct Verifier {
    issuers: Issuers,
    algorithms: Vec<Algorithm>,
    rules: Rules,
    /// By the digest of the token: whoever reads the memory finds no token here.
    remembered: Option<Cache<[u8; 32], Arc<Verified>>>,
    clock: Arc<dyn Clock>,
}

/// All issuers that are known, and who has their keys.
struct Issuers {
    by_name: HashMap<String, Known>,
    keepers: Vec<Arc<Keeper>>,
}

/// An issuer that is known.
struct Known {
    keeper: Arc<Keeper>,
    realm: Option<Arc<str>>,
}

/// A token that was verified.
struct Verified {
    owner: OwnerId,
    expires: Timestamp,
    again: Timestamp,
    keeper: Arc<Keeper>,
    /// The keys that it was verified with.
    generation: u64,
}

impl Verifier {
    pub(crate) fn new(tokens: Tokens, around: &Surroundings) -> Result<Self, OptionsError> {
        if tokens.issuers.is_empty() {
            return Err(OptionsError::NoIssuer);
        }
        if tokens.audiences.is_empty() {
            return Err(OptionsError::NoAudience);
        }
        if tokens.algorithms.is_empty() {
            return Err(OptionsError::NoAlgorithm);
        }
        let issuers = realms(&tokens.issuers, around)?;
        let room = u64::try_from(tokens.cache).unwrap_or(u64::MAX);
        let remembered = Cache::builder()
            .max_capacity(room)
            .time_to_live(REMEMBERED)
            .build();
        Ok(Self {
            issuers,
            algorithms: tokens.algorithms,
            rules: Rules {
                audiences: tokens.audiences,
                leeway: tokens.leeway,
            },
            remembered: (tokens.cache > 0).then_some(remembered),
            clock: Arc::clone(&around.clock),
        })
    }

    /// The keepers of all keys.
    pub(crate) fn keepers(&self) -> &[Arc<Keeper>] {
        &self.issuers.keepers
    }

    /// Whose this token is, and until when it is good.
    pub(crate) async fn verify(&self, token: &str) -> Result<(OwnerId, Timestamp), AuthError> {
        if token.len() > jws::LONGEST {
            return Err(AuthError::Invalid(Flaw::Malformed));
        }
        let digest = self.remembered.as_ref().map(|_| sha256(token.as_bytes()));
        if let Some(verified) = digest.and_then(|digest| self.recall(&digest)) {
            let is_over = self.rules.is_over(verified.expires, self.clock.now());
            let answer = (verified.owner.clone(), verified.expires);
            return (!is_over).then_some(answer).ok_or(AuthError::Expired);
        }
        let verified = self.verify_anew(token).await?;
        let answer = (verified.owner.clone(), verified.expires);
        if let (Some(remembered), Some(digest)) = (&self.remembered, digest) {
            remembered.insert(digest, Arc::new(verified));
        }
        Ok(answer)
    }

    /// What was found out about a token, unless that is too long ago or its issuer has other keys now.
    fn recall(&self, digest: &[u8; 32]) -> Option<Arc<Verified>> {
        let verified = self.remembered.as_ref()?.get(digest)?;
        let held = verified.keeper.held()?;
        let is_good = held.generation == verified.generation && self.clock.now() < verified.again;
        is_good.then_some(verified)
    }

    async fn verify_anew(&self, token: &str) -> Result<Verified, AuthError> {
        let jws = Jws::read(token, &self.algorithms).map_err(AuthError::Invalid)?;
        let name = jws.claims.text("iss");
        let Ok(Some(name)) = name else {
            return Err(AuthError::Invalid(Flaw::Claims));
        };
        let known = self.issuers.by_name.get(name);
        let known = known.ok_or(AuthError::Invalid(Flaw::Issuer))?;
        let generation = signed(&known.keeper, &jws).await?;
        let now = self.clock.now();
        let person = self.rules.judge(&jws.claims, now)?;
        let owner = OwnerId::of_subject(known.realm.as_deref(), person.subject);
        Ok(Verified {
            owner: owner.map_err(|_invalid| AuthError::Invalid(Flaw::Claims))?,
            expires: person.expires,
            again: now.after(REMEMBERED),
            keeper: Arc::clone(&known.keeper),
            generation,
        })
    }
}

/// The generation of the keys with one of which this token is signed.
async fn signed(keeper: &Arc<Keeper>, jws: &Jws<'_>) -> Result<u64, AuthError> {
    let signature = jws.signature();
    let look = || {
        let held = keeper.held()?;
        keeper.freshen(&held);
        Some((held.ring.judge(&signature), held.generation))
    };
    let mut seen = look();
    // A key that is not there may be a new one. Without a name for it, so may one that does not fit.
    let may_be_new = match seen {
        None | Some((Finding::NoKey, _)) => true,
        Some((Finding::Forged, _)) => !jws.names_its_key(),
        Some((Finding::Signed, _)) => false,
    };
    if may_be_new {
        keeper.look_again().await;
        seen = look();
    }
    let lost = || keeper.at_a_loss();
    match seen {
        Some((Finding::Signed, generation)) => Ok(generation),
        Some((Finding::Forged, _)) => Err(AuthError::Invalid(Flaw::Signature)),
        Some((Finding::NoKey, _)) | None => Err(lost().unwrap_or(AuthError::Invalid(Flaw::Key))),
    }
}

/// The issuers by name, with a keeper for each key set. Those that share one are one realm, which is named by
/// the first of them; the first realm is the one without a name.
fn realms(issuers: &[Issuer], around: &Surroundings) -> Result<Issuers, OptionsError> {
    let mut realms: Vec<(Source, Vec<&Issuer>)> = Vec::new();
    for issuer in issuers {
        let source = source(issuer, around)?;
        match realms.iter_mut().find(|(known, _)| *known == source) {
            Some((_, members)) => members.push(issuer),
            None => realms.push((source, vec![issuer])),
        }
    }
    let mut by_name = HashMap::new();
    let mut keepers = Vec::new();
    for (at, (source, members)) in realms.into_iter().enumerate() {
        let names: Vec<&str> = members.iter().map(|issuer| issuer.name.as_str()).collect();
        let realm = names.first().filter(|_| at > 0).copied();
        if let Some(realm) = realm.filter(|realm| OwnerId::of_subject(Some(realm), "a").is_err()) {
            return Err(OptionsError::IssuerName(realm.to_owned()));
        }
        let keeper = Keeper::new(names.join(" and "), source, around.clone());
        for name in names {
            let realm = realm.map(Arc::from);
            let keeper = Arc::clone(&keeper);
            if by_name
                .insert(name.to_owned(), Known { keeper, realm })
                .is_some()
            {
                return Err(OptionsError::IssuerTwice(name.to_owned()));
            }
        }
        keepers.push(keeper);
    }
    Ok(Issuers { by_name, keepers })
}

fn source(issuer: &Issuer, around: &Surroundings) -> Result<Source, OptionsError> {
    let name = &issuer.name;
    let fault = |reason: String| OptionsError::KeySetUrl {
        issuer: name.clone(),
        reason,
    };
    let vet = |url: &Url| {
        let vetted = around.client.vet(url);
        vetted.map_err(|refusal| fault(refusal.to_string()))
    };
    match &issuer.keys {
        KeySet::At(url) => {
            vet(url)?;
            Ok(Source::At(url.clone()))
        }
        KeySet::Discovered => {
            let document = format!(
                "{}/.well-known/openid-configuration",
                name.trim_end_matches('/')
            );
            let document = Url::parse(&document).map_err(|error| fault(error.to_string()))?;
            vet(&document)?;
            let issuer = name.clone();
            Ok(Source::Discovered { document, issuer })
        }
    }
}
