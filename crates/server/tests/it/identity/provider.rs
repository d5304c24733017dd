//! The `OpenID` provider of `tests/provider`, and the hand that a test has on it.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use response_egress::Url;
use response_testkit::packages::Packages;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::wire::call;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/provider");

const PACKAGES: Packages<'_> = Packages {
    built: env!("CARGO_TARGET_TMPDIR"),
    name: "provider",
    pinned: PROGRAM,
    files: &["package.json", "package-lock.json", ".npmrc"],
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running provider. It ends with its handle.
pub(crate) struct Provider {
    _child: Child,
    /// It ends when nobody holds this any more, also when the test is killed.
    _stdin: ChildStdin,
    _folder: TempDir,
    issuer: Url,
    control: SocketAddr,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let installed = tokio::task::spawn_blocking(|| PACKAGES.node());
        let modules = installed.await.unwrap().join("node_modules");
        // A program looks for its libraries beside itself.
        let folder = TempDir::new().unwrap();
        symlink(modules, folder.path().join("node_modules")).unwrap();
        let program = folder.path().join("provider.mjs");
        std::fs::copy(Path::new(PROGRAM).join("provider.mjs"), &program).unwrap();
        let mut child = Command::new("node")
            .arg(program)
            .env("NO_UPDATE_NOTIFIER", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line());
        let line = line.await.unwrap().unwrap();
        let told: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let url = |name: &str| Url::parse(told[name].as_str().unwrap()).unwrap();
        Self {
            _child: child,
            _stdin: stdin,
            _folder: folder,
            issuer: url("issuer"),
            control: address_of(&url("control")),
        }
    }

    /// Whom its tokens are from.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// A token as a client of its gets it, signed by this algorithm.
    pub(crate) async fn token(&self, client: &str, algorithm: &str) -> String {
        let path = format!("{}/token", self.issuer.path());
        let body = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={client}-of-the-test\
             &resource=https%3A%2F%2Fresponses.test%2F{algorithm}"
        );
        let media = [("content-type", "application/x-www-form-urlencoded")];
        let answered = call(address_of(&self.issuer), "POST", &path, &media, &body).await;
        let token = answered.json()["access_token"].as_str().map(str::to_owned);
        token.unwrap_or_else(|| panic!("{}", answered.text()))
    }

    /// Has it do something that no provider does by itself.
    async fn order(&self, order: &str, how: Value) -> Value {
        let answered = call(self.control, "POST", order, &[], &how.to_string()).await;
        assert_eq!(answered.status, 200, "{order}: {}", answered.text());
        answered.json()
    }

    /// A token that it would not give out: header and claims changed, signed by whatever.
    pub(crate) async fn sign(&self, header: Value, claims: Value, by: &str) -> String {
        let how = json!({"header": header, "claims": claims, "by": by});
        let signed = self.order("/sign", how).await;
        signed["token"].as_str().unwrap().to_owned()
    }

    /// So many tokens, each by a key that nobody knows.
    pub(crate) async fn strangers(&self, count: usize) -> Vec<String> {
        let signed = self
            .order("/sign", json!({"by": "zeros", "kids": count}))
            .await;
        let tokens = signed["tokens"].as_array().unwrap();
        let text = |token: &Value| token.as_str().unwrap().to_owned();
        tokens.iter().map(text).collect()
    }

    /// New keys sign from now on; the old ones stay published.
    pub(crate) async fn rotate(&self) {
        self.order("/rotate", json!({})).await;
    }

    /// New keys sign from now on, and nobody is told of the old ones any more.
    pub(crate) async fn drop_keys(&self) {
        self.order("/rotate", json!({"drop": true})).await;
    }

    /// Tells of further keys.
    pub(crate) async fn publish(&self, keys: Value) {
        self.order("/publish", json!({"keys": keys})).await;
    }

    /// How it answers for its keys: `delay`, `status`, `text`, `age`.
    pub(crate) async fn behave(&self, how: Value) {
        self.order("/behave", how).await;
    }

    /// Nobody listens at its address any more.
    pub(crate) async fn leave(&self) {
        self.order("/door", json!({"open": false})).await;
    }

    /// It is back at its address.
    pub(crate) async fn come_back(&self) {
        self.order("/door", json!({"open": true})).await;
    }

    /// How often it was asked for its keys.
    pub(crate) async fn fetches(&self) -> u64 {
        self.order("/counts", json!({})).await["keys"]
            .as_u64()
            .unwrap()
    }
}

fn address_of(url: &Url) -> SocketAddr {
    let host = url.host_str().unwrap().parse().unwrap();
    SocketAddr::new(host, url.port().unwrap())
}
