//! Everything on one's own machine with one command: the service on SQLite, which works on its
//! background responses itself, stand-ins for the upstreams that no setting names, the gateway
//! before it, and a receiver for the webhooks it sends.
//!
//! The stand-ins run inside this process. The service runs as it does everywhere, as a program of
//! its own behind a guard, so nothing is left running however this chore ends.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use clap::Args;
use response_devstack::Listen;
use response_devstack::gateway::{Gateway, GatewayOptions};
use response_devstack::model::{Model, ModelOptions};
use response_devstack::receiver::{Receiver, ReceiverOptions, Show};
use response_devstack::tools::{Tools, ToolsOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;
use url::Url;

use self::advice::Advice;
use self::plan::{Plan, Workers};
use crate::command;
use crate::error::{ChoreError, Doing as _};
use crate::guard::{Guarded, Output};
use crate::{say, wire, workspace};

mod advice;
mod lines;
mod plan;
mod ports;
mod webhooks;

/// How long the service may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long is waited between two questions whether it does.
const PAUSE: Duration = Duration::from_millis(50);

/// Which ports are used. 0 takes any that is free.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Port of the service; otherwise that of its settings (8082)
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,
    /// Port of the gateway
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    gateway_port: u16,
    /// Port of the model's stand-in; otherwise 8080, or a free one when that is taken
    #[arg(long, value_name = "PORT")]
    model_port: Option<u16>,
    /// Port of the tools' stand-in; otherwise 8091, or a free one when that is taken
    #[arg(long, value_name = "PORT")]
    tools_port: Option<u16>,
    /// Port of the receiver of webhooks; otherwise 9000, or a free one when that is taken
    #[arg(long, value_name = "PORT")]
    receiver_port: Option<u16>,
    /// Do not build the service: run the one that stands beside this program
    #[arg(long, hide = true)]
    no_build: bool,
}

/// The stand-ins that run.
#[derive(Debug)]
struct StandIns {
    model: Option<Model>,
    tools: Option<Tools>,
    gateway: Gateway,
    receiver: Receiver,
}

impl Dev {
    /// Starts everything, says where it is, and ends it in order when it is told to.
    pub(crate) fn run(&self) -> Result<(), ChoreError> {
        let plan = Plan::read(self)?;
        if !self.no_build {
            say::note("building the service");
            command::run(&mut command::cargo(&["build", "--bin", "response-api"]))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing(|| "start a runtime".to_owned())?;
        runtime.block_on(self.serve(&plan))
    }

    async fn serve(&self, plan: &Plan) -> Result<(), ChoreError> {
        let mut signals = Signals::listen()?;
        let stand_ins = StandIns::start(plan)?;
        let mut service = Guarded::start(&self.service(plan, &stand_ins)?, Output::Chore)?;
        let mut ended = lines::show("api", &mut service);
        let up = async {
            wait_for(plan.service, "/healthz").await;
            wait_for(plan.service, "/readyz").await;
            wait_for(stand_ins.gateway_address(plan), "/responses/healthz").await;
        };
        let is_up = tokio::select! {
            () = up => true,
            () = sleep(PATIENCE) => false,
            _ = &mut ended => return Err(gone(&mut service)),
            () = signals.next() => return stop(service, ended, signals, stand_ins).await,
        };
        if !is_up {
            return Err(ChoreError::Refused(format!(
                "the service does not answer on http://{}/healthz and /readyz",
                plan.service
            )));
        }
        say::line(Advice::of(plan, &stand_ins));
        tokio::select! {
            _ = &mut ended => Err(gone(&mut service)),
            () = signals.next() => stop(service, ended, signals, stand_ins).await,
        }
    }

    /// The service's command line. What is chosen here goes before every other setting.
    fn service(&self, plan: &Plan, stand_ins: &StandIns) -> Result<Command, ChoreError> {
        let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
        let beside = own.with_file_name("response-api");
        let built = workspace::target()?.join("debug/response-api");
        let mut service = Command::new(if self.no_build { beside } else { built });
        let mut set = |key: &str, value: &dyn std::fmt::Display| {
            service.arg("--set").arg(format!("{key}={value}"));
        };
        set("http.port", &plan.service.port());
        if let Some(model) = &stand_ins.model {
            set("llm.url", model.url());
        }
        if let Some(tools) = &stand_ins.tools {
            set("mcp.url", tools.url());
        }
        if let Some(folder) = &plan.data {
            set("database.data_dir", &folder.display());
        }
        if plan.sets_log_format {
            set("log.format", &"pretty");
        }
        if let Workers::ServiceTold(_) = plan.workers {
            set("background.embedded", &true);
        }
        if plan.allows_loopback {
            set("egress.allow_cidrs", &webhooks::LOOPBACK);
        }
        service.envs(plan.signing.variable());
        Ok(service)
    }
}

impl StandIns {
    fn start(plan: &Plan) -> Result<Self, ChoreError> {
        let cannot = |source| ChoreError::StandIn { source };
        let model = |listen| {
            Model::start(&ModelOptions {
                listen,
                keep_requests: 0,
                ..ModelOptions::default()
            })
        };
        let tools = |listen| {
            Tools::start(&ToolsOptions {
                listen,
                keep_requests: 0,
                ..ToolsOptions::default()
            })
        };
        let receiver = |listen| {
            Receiver::start(&ReceiverOptions {
                listen,
                secrets: plan.signing.secrets(),
                show: Some(Show::to(|received| {
                    say::line(format_args!("webhook | {received}"));
                })),
                ..ReceiverOptions::default()
            })
        };
        let service = Url::parse(&format!("http://{}/", plan.reach()));
        let strange = |_| ChoreError::Refused(format!("{} is no address", plan.service));
        let gateway = GatewayOptions {
            listen: Listen::on(plan.gateway),
            ..GatewayOptions::to(service.map_err(strange)?)
        };
        Ok(Self {
            model: plan
                .model
                .map(|port| port.open(model))
                .transpose()
                .map_err(cannot)?,
            tools: plan
                .tools
                .map(|port| port.open(tools))
                .transpose()
                .map_err(cannot)?,
            gateway: Gateway::start(&gateway).map_err(cannot)?,
            receiver: plan.receiver.open(receiver).map_err(cannot)?,
        })
    }

    fn gateway_port(&self, plan: &Plan) -> u16 {
        self.gateway.url().port().unwrap_or(plan.gateway)
    }

    fn gateway_address(&self, plan: &Plan) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.gateway_port(plan)))
    }
}

/// Ends everything, the service first: what it still answers goes through the gateway, and what
/// still runs needs its model and its tools. A second signal waits for nobody.
async fn stop(
    mut service: Guarded,
    mut ended: oneshot::Receiver<()>,
    mut signals: Signals,
    stand_ins: StandIns,
) -> Result<(), ChoreError> {
    say::line("ending: the service first; once more ends it at once");
    service.terminate();
    tokio::select! {
        _ = &mut ended => {}
        () = signals.next() => service.kill(),
    }
    drop(service);
    stand_ins.gateway.stop().await;
    if let Some(tools) = stand_ins.tools {
        tools.stop().await;
    }
    if let Some(model) = stand_ins.model {
        model.stop().await;
    }
    stand_ins.receiver.stop().await;
    say::line("ended");
    Ok(())
}

/// Why a service that ended by itself did; its own last lines say more.
fn gone(service: &mut Guarded) -> ChoreError {
    match service.wait() {
        Ok(status) => ChoreError::Ended {
            program: "response-api".to_owned(),
            status,
        },
        Err(error) => error,
    }
}

/// Waits until a server answers a question with 200.
async fn wait_for(address: SocketAddr, path: &str) {
    let address = plan::reached_at(address);
    while !matches!(wire::status_of(address, path).await, Ok(200)) {
        sleep(PAUSE).await;
    }
}

/// What tells this chore to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, ChoreError> {
        let listen = |kind| signal(kind).doing(|| "listen for signals".to_owned());
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
