//! Why an attempt to deliver got no answer, as a sentence: the same in every dialect, and without the
//! address it went to.

use response_domain::webhook::SendFault;

/// What a person is told of a fault.
pub(super) const fn sentence(fault: SendFault) -> &'static str {
    match fault {
        SendFault::NotAllowed => "The address may not be called from here.",
        SendFault::NameNotFound => "The host name of the address could not be found.",
        SendFault::ConnectFailed => "No connection came about.",
        SendFault::TlsFailed => "The connection could not be secured with TLS.",
        SendFault::TimedOut => "There was no answer in time.",
        SendFault::BrokenOff => "The connection broke off before there was a whole answer.",
    }
}
