//! What is learnt of a request on its way through the face, for those who tell of it when it is answered: the
//! logs, and the headers that say how much a caller has left.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use response_domain::caller::OwnerId;
use response_domain::limit::Quota;

use crate::audit::{Deed, Origin, Said};
use crate::problem::whole_seconds;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// One request, for all who have a hand in it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Visit(Rc<Learnt>);

#[derive(Debug)]
struct Learnt {
    origin: Origin,
    owner: RefCell<Option<OwnerId>>,
    quota: Cell<Option<Quota>>,
    deed: RefCell<Option<Deed>>,
    said: Cell<Said>,
}

impl Visit {
    /// A request that has just come.
    pub(crate) fn new(request: Arc<str>, client: Option<IpAddr>) -> Self {
        Self(Rc::new(Learnt {
            origin: Origin { request, client },
            owner: RefCell::new(None),
            quota: Cell::new(None),
            deed: RefCell::new(None),
            said: Cell::new(Said::Aloud),
        }))
    }

    /// That of this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_else(|| Self::new("none".into(), None))
    }

    /// Where it comes from.
    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Notes whose it is, and what it is to change.
    pub(crate) fn belongs_to(&self, owner: &OwnerId, deed: Option<Deed>) {
        self.0.owner.replace(Some(owner.clone()));
        self.0.deed.replace(deed);
    }

    /// Notes what its owner has left.
    pub(crate) fn leaves(&self, quota: Option<Quota>) {
        self.0.quota.set(quota);
    }

    /// Notes whether it is worth a line in the log.
    pub(crate) fn is_said(&self, said: Said) {
        self.0.said.set(said);
    }

    /// Whether it is.
    pub(crate) fn said(&self) -> Said {
        self.0.said.get()
    }

    /// Whose it is, if that was found out.
    pub(crate) fn owner(&self) -> Option<OwnerId> {
        self.0.owner.borrow().clone()
    }

    /// Closes what is said of the change that it asked for.
    pub(crate) fn answered(&self, answer: &HttpResponse<impl Sized>, response: Option<&str>) {
        let Some(mut deed) = self.0.deed.take() else {
            return;
        };
        let made = answer.extensions().get::<Object>().map(|it| it.0.clone());
        deed.about(made.or_else(|| response.map(str::to_owned)));
        deed.answered(answer.status());
    }

    /// Notes what the path says that it is about.
    pub(crate) fn is_about(&self, request: &HttpRequest) {
        if let Some(deed) = &mut *self.0.deed.borrow_mut() {
            deed.about(named(request));
        }
    }

    /// Says how much its owner has left.
    pub(crate) fn put_headers(&self, headers: &mut HeaderMap) {
        if let Some(quota) = self.0.quota.get() {
            headers.insert(LIMIT, quota.limit.into());
            headers.insert(REMAINING, quota.remaining.into());
            headers.insert(RESET, whole_seconds(quota.reset).get().into());
        }
    }
}

/// What an answer is about that does not say so in a header.
#[derive(Debug)]
struct Object(String);

/// Notes that an answer is about this.
pub(crate) fn note_object(answer: &mut HttpResponse, id: &impl ToString) {
    answer.extensions_mut().insert(Object(id.to_string()));
}

/// The innermost thing that the path names, if it can be an id.
fn named(request: &HttpRequest) -> Option<String> {
    const LONGEST: usize = 64;
    let path = request.match_info();
    let id = ["item_id", "event_id", "id"]
        .iter()
        .find_map(|name| path.get(name))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (id.len() <= LONGEST && id.bytes().all(is_plain)).then(|| id.to_owned())
}
