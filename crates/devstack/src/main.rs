//! The development stack as a program: a model, tools, a gateway and a receiver of webhooks, or any of them.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use response_devstack::gateway::{Gateway, GatewayOptions};
use response_devstack::model::{Model, ModelOptions};
use response_devstack::receiver::{Receiver, ReceiverOptions, Secret, Show};
use response_devstack::tools::{NOTES_TOKEN, Tools, ToolsOptions};
use response_devstack::{Listen, StartError};
use response_egress::Url;

/// Starts stand-ins for what the Response API talks to. Without a port, all of them start, each on the
/// platform's port for it.
#[derive(Debug, Parser)]
#[command(name = "devstack", version)]
struct Arguments {
    /// Port of the model; 8080 on the platform.
    #[arg(long, value_name = "PORT")]
    model: Option<u16>,
    /// Port of the tools; 8091 on the platform.
    #[arg(long, value_name = "PORT")]
    tools: Option<u16>,
    /// Port of the gateway; 8000 on the platform.
    #[arg(long, value_name = "PORT")]
    gateway: Option<u16>,
    /// Port of the receiver of webhooks; 9000 on the platform.
    #[arg(long, value_name = "PORT")]
    receiver: Option<u16>,
    /// What webhooks may be signed with: secrets with commas between.
    #[arg(
        long,
        env = "WEBHOOK_SECRET",
        value_name = "SECRETS",
        value_delimiter = ','
    )]
    #[arg(hide_env_values = true)]
    webhook_secret: Vec<Secret>,
    /// Address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Threads that answer, for each stand-in.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Base URL of the service behind the gateway.
    #[arg(long, default_value = "http://127.0.0.1:8082")]
    service: Url,
    /// Folder of .txt and .md files to search instead of the sample documents.
    #[arg(long)]
    documents: Option<PathBuf>,
    /// Base URL that links to documents begin with.
    #[arg(long)]
    public_url: Option<Url>,
    /// Token for the second tool server, which keeps notes; sent as a bearer token or as X-Api-Key.
    #[arg(long, default_value = NOTES_TOKEN)]
    notes_token: String,
    /// Milliseconds between two deltas of the model.
    #[arg(long, default_value_t = 0)]
    delta_delay: u64,
}

/// What runs; dropping it stops it.
#[derive(Default)]
struct Stack {
    model: Option<Model>,
    tools: Option<Tools>,
    gateway: Option<Gateway>,
    receiver: Option<Receiver>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                text = format!("{text}: {error}");
                source = error.source();
            }
            let _ = writeln!(io::stderr(), "devstack: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stack = start(arguments)?;
    let mut out = io::stdout();
    let started = [
        ("model", stack.model.as_ref().map(Model::url)),
        ("tools", stack.tools.as_ref().map(Tools::url)),
        ("gateway", stack.gateway.as_ref().map(Gateway::url)),
        ("receiver", stack.receiver.as_ref().map(Receiver::url)),
    ];
    for (name, url) in started {
        if let Some(url) = url {
            writeln!(out, "{name:<9}{url}")?;
        }
    }
    if let Some(tools) = &stack.tools {
        let (url, token) = (tools.notes_url(), &arguments.notes_token);
        writeln!(out, "{:<9}{url} (token {token})", "notes")?;
    }
    out.flush()?;
    until_told_to_stop().await?;
    Ok(())
}

fn start(arguments: &Arguments) -> Result<Stack, StartError> {
    let Arguments {
        model,
        tools,
        gateway,
        receiver,
        ..
    } = arguments;
    let ports = [model, tools, gateway, receiver];
    let all = ports.into_iter().all(Option::is_none);
    let listen = |asked: &Option<u16>, usual: u16| {
        let port = asked.or(all.then_some(usual))?;
        Some(Listen {
            host: arguments.host,
            port,
            workers: arguments.workers,
        })
    };
    let mut stack = Stack::default();
    if let Some(listen) = listen(model, 8080) {
        let delta_delay = Duration::from_millis(arguments.delta_delay);
        stack.model = Some(Model::start(&ModelOptions {
            listen,
            delta_delay,
            keep_requests: 0,
        })?);
    }
    if let Some(listen) = listen(tools, 8091) {
        stack.tools = Some(Tools::start(&ToolsOptions {
            listen,
            keep_requests: 0,
            documents: arguments.documents.clone(),
            public_url: arguments.public_url.clone(),
            notes_token: arguments.notes_token.clone(),
            ..ToolsOptions::default()
        })?);
    }
    if let Some(listen) = listen(gateway, 8000) {
        let options = GatewayOptions {
            listen,
            ..GatewayOptions::to(arguments.service.clone())
        };
        stack.gateway = Some(Gateway::start(&options)?);
    }
    if let Some(listen) = listen(receiver, 9000) {
        stack.receiver = Some(Receiver::start(&ReceiverOptions {
            listen,
            secrets: arguments.webhook_secret.clone(),
            show: Some(Show::to(|received| {
                // A terminal that is gone is no reason to refuse a delivery.
                let _ = writeln!(io::stdout(), "{received}");
            })),
            ..ReceiverOptions::default()
        })?);
    }
    Ok(stack)
}

#[cfg(unix)]
async fn until_told_to_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn until_told_to_stop() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
