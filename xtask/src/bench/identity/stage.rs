//! Everything that runs during the measurement: a model, an issuer, a process that knows nobody and processes
//! that know everybody.

use std::fs;
use std::path::Path;
use std::process::Command;

use response_devstack::model::{Model, ModelOptions};

use super::super::process::Program;
use super::super::started::{Started, free_address};
use super::callers::Caller;
use super::issuer::Issuer;
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::say;

pub(super) const GUEST: &str = "the guest";
const TOKEN: &str = "a token";
const KEY: &str = "a key of the service";
const GATEWAY: &str = "the word of a gateway";
const UNKEPT: &str = "a token that is not remembered";

/// For the measurement only.
const SECRET: &str = "0f4e7a90c31d5b628f4e7a90c31d5b62";

/// Who is measured, with all that they need. Dropping it ends everything.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) callers: Vec<Caller>,
    _started: Vec<Started>,
    _model: Model,
}

/// A process in the making.
struct Process<'a> {
    binary: &'a Path,
    logs: &'a Path,
    model: &'a str,
}

impl Stage {
    pub(super) async fn set(binaries: &Path, logs: &Path) -> Result<Self, ChoreError> {
        say::note("starting the model, the issuer and the service");
        let options = ModelOptions {
            keep_requests: 0,
            ..ModelOptions::default()
        };
        let model = Model::start(&options).map_err(|source| ChoreError::StandIn { source })?;
        let issuer = Issuer::start()?;
        let service = Process {
            binary: &binaries.join("response-api"),
            logs,
            model: model.url().as_str(),
        };
        let name = issuer.name();
        let keys = format!("{name}/keys");
        let secret = format!("auth.gateway_secret={SECRET}");
        let named = format!("auth.issuer={name}");
        let at = format!("auth.jwks_url={keys}");
        let known = [
            "auth.enabled=true",
            &named,
            &at,
            "auth.gateway_headers=true",
            &secret,
            // What is left is counted, and never runs out.
            "limits.requests=100000000",
        ];
        let key = service.key("identity-known", &known)?;
        let (guest, open, open_program) = service.start("identity-open", &[]).await?;
        let (kept, address, program) = service.start("identity-known", &known).await?;
        let forgets = [known.as_slice(), &["auth.token_cache=0"]].concat();
        let (unkept, forgetful, forgetful_program) =
            service.start("identity-forgetful", &forgets).await?;
        let bearer = format!("Authorization: Bearer {}\r\n", issuer.token);
        let caller = |name, address, program, headers| Caller {
            name,
            address,
            program,
            headers,
        };
        let gateway = format!("X-Gateway-Auth: {SECRET}\r\nX-User-Subject: ada\r\n");
        let callers = vec![
            // It brings the same, which is not looked at.
            caller(GUEST, open, open_program, bearer.clone()),
            caller(TOKEN, address, program, bearer.clone()),
            caller(KEY, address, program, format!("X-API-Key: {key}\r\n")),
            caller(GATEWAY, address, program, gateway),
            caller(UNKEPT, forgetful, forgetful_program, bearer),
        ];
        Ok(Self {
            callers,
            _started: vec![guest, kept, unkept],
            _model: model,
        })
    }

    /// Who is set against the guest.
    pub(super) fn against(&self) -> Vec<(&'static str, &'static str)> {
        let known = self.callers.iter().map(|caller| caller.name);
        let known = known.filter(|name| *name != GUEST);
        known.map(|name| (name, GUEST)).collect()
    }
}

impl Process<'_> {
    /// A key of the service, in the database of this process-to-be.
    fn key(&self, name: &str, settings: &[&str]) -> Result<String, ChoreError> {
        let data = self.logs.join(format!("{name}-data"));
        if data.exists() {
            fs::remove_dir_all(&data).doing(|| format!("remove {}", data.display()))?;
        }
        let mut command = self.command(name, settings);
        let told = command::read(command.args(["keys", "create", "--owner", "ada"]))?;
        Ok(told.trim().to_owned())
    }

    async fn start(
        &self,
        name: &str,
        settings: &[&str],
    ) -> Result<(Started, std::net::SocketAddr, Program), ChoreError> {
        let address = free_address()?;
        let mut command = self.command(name, settings);
        command.args(["--set", &format!("http.port={}", address.port())]);
        let mut started = Started::start(name, &command, self.logs)?;
        let program = started.is_ready(address, "/health/auth").await?;
        Ok((started, address, program))
    }

    fn command(&self, name: &str, settings: &[&str]) -> Command {
        let data = self.logs.join(format!("{name}-data"));
        let mut command = Command::new(self.binary);
        for setting in [
            "http.host=127.0.0.1",
            &format!("llm.url={}", self.model),
            &format!("database.data_dir={}", data.display()),
            "log.level=warn",
        ] {
            command.args(["--set", setting]);
        }
        for setting in settings {
            command.args(["--set", setting]);
        }
        command
    }
}
