//! What a failed attempt is called, and what is said to whoever named an address that is not accepted.

use response_domain::webhook::SendFault;
use response_egress::{ConnectFault, EgressError, MAX_URL_LENGTH, Refusal};

/// The fault that is recorded.
pub(crate) fn of(error: &EgressError) -> SendFault {
    match error {
        EgressError::Refused(_) => SendFault::NotAllowed,
        EgressError::Timeout(_) => SendFault::TimedOut,
        EgressError::Connect(_) => match error.connect_fault() {
            Some(ConnectFault::NoAddress) => SendFault::NameNotFound,
            Some(ConnectFault::Tls) => SendFault::TlsFailed,
            Some(ConnectFault::TimedOut) => SendFault::TimedOut,
            Some(ConnectFault::Unreachable) | None => SendFault::ConnectFailed,
        },
        EgressError::Broken(_) | EgressError::BodyTooLarge { .. } => SendFault::BrokenOff,
    }
}

/// What is wrong with an address and what is allowed. It repeats nothing of the address but its scheme and
/// its host, and names no network.
pub(crate) fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unreadable(_) | Refusal::NoHost => {
            "it cannot be read: an absolute URL such as `https://example.com/hook` is needed".to_owned()
        }
        Refusal::TooLong { length } => {
            format!("it is {length} bytes long: at most {MAX_URL_LENGTH} are allowed")
        }
        Refusal::Scheme(scheme) => {
            format!("its scheme is `{scheme}`: only `http` and `https` are allowed")
        }
        Refusal::Userinfo => {
            "it holds a user name or a password: put a token into the path or the query, or check the \
             signature"
                .to_owned()
        }
        Refusal::Port => "its port is 0: only 1 to 65535 are allowed".to_owned(),
        Refusal::Address { host, .. } => {
            format!("its host `{host}` may not be called: only public addresses are allowed")
        }
    }
}
