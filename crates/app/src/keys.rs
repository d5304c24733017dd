//! The keys of the vault: from the settings, or from a file in the data folder when the database is one.

use response_settings::{Database, Vault as Section};
use response_vault::{KeyFileError, KeysError, Vault};

/// Why the vault's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The keys of the settings are none.
    #[error("RESPONSE_VAULT_KEYS cannot be used")]
    Keys(#[from] KeysError),
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
}

pub(crate) fn vault(section: Section, database: &Database) -> Result<Vault, VaultError> {
    let Section { keys } = section;
    if let Some(keys) = keys {
        return Ok(Vault::from_keys(keys.expose())?);
    }
    if database.write_dsn.is_none() {
        return Ok(Vault::from_file_in(&database.data_dir)?);
    }
    // The settings have warned of it.
    Ok(Vault::without_keys())
}
