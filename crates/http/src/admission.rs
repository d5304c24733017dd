//! Who is let in: the caller of a request is recognised and the request is counted, before anything of its
//! body is read.

use actix_web::HttpRequest;
use response_domain::caller::{Caller, Presented};
use response_domain::ports::auth::AuthError;
use response_engine::allowances::Cost;

use crate::audit::{Origin, Said};
use crate::dialect::Dialect;
use crate::extract;
use crate::handler::Mounted;
use crate::problem::Problem;
use crate::visit::Visit;

/// What a route is for, as far as it matters to whom it is open.
pub(crate) trait Purpose: Copy + 'static {
    /// What one request takes from those of its caller.
    fn cost(self) -> Cost;

    /// Its word in the audit log, when it is to change something.
    fn action(self) -> Option<&'static str>;
}

/// What has to be known of a route before its requests are let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    cost: Cost,
    action: Option<&'static str>,
}

impl Gate {
    pub(crate) fn of(purpose: impl Purpose) -> Self {
        Self {
            cost: purpose.cost(),
            action: purpose.action(),
        }
    }
}

impl<D: Dialect> Mounted<D> {
    /// The caller of a request that passes a gate. All that is learnt of it is noted for those who tell of it.
    pub(crate) async fn let_in(
        &self,
        request: &HttpRequest,
        gate: Gate,
    ) -> Result<Caller, Problem> {
        let visit = Visit::of(request);
        let caller = match extract::presented(request) {
            Ok(presented) => self.recognise(presented).await,
            Err(error) => Err(error),
        };
        let caller = caller.inspect_err(|error| {
            visit.is_said(self.refuse_credential(error, visit.origin()));
        })?;
        let deed = gate
            .action
            .and_then(|action| self.shared.audit.begin(action, &caller, visit.origin()));
        visit.belongs_to(&caller.owner, deed);
        visit.is_about(request);
        let counted = self.face.engine.admit(&caller.owner, gate.cost);
        visit.leaves(match &counted {
            Ok(quota) => *quota,
            Err(exhausted) => Some(exhausted.quota),
        });
        counted?;
        Ok(caller)
    }

    /// Who presents this.
    pub(crate) async fn recognise(&self, presented: Presented) -> Result<Caller, AuthError> {
        self.face.authenticator.authenticate(presented).await
    }

    /// Tells the logs of a credential that was refused.
    pub(crate) fn refuse_credential(&self, error: &AuthError, origin: &Origin) -> Said {
        let reason = match error {
            AuthError::Missing => "missing",
            AuthError::Invalid(flaw) => flaw.as_str(),
            AuthError::Expired => "expired",
            // Nobody refused it.
            AuthError::Unavailable { .. } => return Said::Aloud,
        };
        self.shared.audit.refused(reason, origin)
    }
}
