//! What owners are given to keep and may bring back: sealed, as one text that names its key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use response_domain::caller::OwnerId;
use response_domain::ports::vault::{Binding, Purpose, Sealed, SecretVault, VaultError};
use response_domain::run::assemble::Seal;
use response_domain::spec::{ReasoningForm, ResponseSpec};

use crate::Engine;

impl Engine {
    /// What seals the reasoning of a run, when its caller wants it sealed.
    pub(crate) fn reasoning_seal(&self, spec: &ResponseSpec, owner: &OwnerId) -> Option<Seal> {
        match spec.reasoning {
            ReasoningForm::Clear => None,
            ReasoningForm::Sealed => {
                let (vault, owner) = (Arc::clone(&self.0.ports.vault), owner.clone());
                Some(Seal(Arc::new(move |text| seal(&*vault, &owner, text).ok())))
            }
        }
    }

    pub(crate) fn seal_content(&self, owner: &OwnerId, text: &str) -> Result<Arc<str>, VaultError> {
        seal(&*self.0.ports.vault, owner, text)
    }

    /// The text that was sealed; `None` when it was not sealed for this owner, or not here.
    pub(crate) fn open_content(&self, owner: &OwnerId, sealed: &str) -> Option<Arc<str>> {
        let (key, bytes) = sealed.rsplit_once('.')?;
        let sealed = Sealed {
            key: key.into(),
            bytes: URL_SAFE_NO_PAD.decode(bytes).ok()?.into(),
        };
        let text = self.0.ports.vault.open(&sealed, &binding(owner)).ok()?;
        std::str::from_utf8(&text).ok().map(Arc::from)
    }
}

fn seal(vault: &dyn SecretVault, owner: &OwnerId, text: &str) -> Result<Arc<str>, VaultError> {
    let Sealed { key, bytes } = vault.seal(text.as_bytes(), &binding(owner))?;
    Ok(format!("{key}.{}", URL_SAFE_NO_PAD.encode(bytes)).into())
}

fn binding(owner: &OwnerId) -> Binding {
    Binding {
        owner: owner.clone(),
        purpose: Purpose::Content,
    }
}
