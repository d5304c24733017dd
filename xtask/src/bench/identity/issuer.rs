//! An issuer of tokens, as far as a service looks at one: its keys at an address, and a token that they sign.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::error::{ChoreError, Doing as _};
use crate::wire::Wire;

/// Far enough for any measurement: the year 2100.
const END: u64 = 4_102_444_800;

/// One who issues tokens.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) address: SocketAddr,
    /// A token of its, good for long.
    pub(super) token: String,
}

impl Issuer {
    /// Serves its keys on a thread of its own that ends with the process.
    pub(super) fn start() -> Result<Self, ChoreError> {
        let key = KeyPair::generate(KeySize::Rsa2048);
        let key = key.map_err(|_| ChoreError::Refused("no key was made".to_owned()))?;
        // In DER: nine bytes of what follows and how long it is, then 2048 bits, then the exponent.
        let modulus = key.public_key().as_ref().get(9..265).unwrap_or_default();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let keys = json!({"keys": [{
            "kty": "RSA", "kid": "bench", "use": "sig", "alg": "RS256",
            "n": part(modulus), "e": "AQAB",
        }]});
        let address = serve(&keys)?;
        let header = json!({"alg": "RS256", "kid": "bench", "typ": "at+jwt"});
        let claims = json!({
            "iss": name(address), "sub": "ada", "aud": "account", "exp": END,
            "azp": "bench", "scope": "openid profile email",
            "realm_access": {"roles": ["default-roles-bench", "offline_access", "uma_authorization"]},
        });
        let encode = |value: &Value| part(value.to_string().as_bytes());
        let text = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .map_err(|_| ChoreError::Refused("nothing was signed".to_owned()))?;
        let token = format!("{text}.{}", part(&signature));
        Ok(Self { address, token })
    }

    /// Whom its tokens are from.
    pub(super) fn name(&self) -> String {
        name(self.address)
    }
}

fn name(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn serve(keys: &Value) -> Result<SocketAddr, ChoreError> {
    let body = keys.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let served = runtime.and_then(|runtime| runtime.block_on(answer_all(&tell, &answer)));
        if let Err(error) = served {
            drop(tell.send(Err(error)));
        }
    });
    let address = told
        .recv()
        .unwrap_or_else(|gone| Err(io::Error::other(gone)));
    address.doing(|| "start the issuer".to_owned())
}

/// Whoever comes gets the keys; one after the other is enough for whoever remembers them.
async fn answer_all(
    tell: &mpsc::SyncSender<io::Result<SocketAddr>>,
    answer: &str,
) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    drop(tell.send(Ok(listener.local_addr()?)));
    loop {
        let (stream, _) = listener.accept().await?;
        let mut wire = Wire::over(stream)?;
        if let Ok(Some(head)) = wire.head().await
            && wire.body(&head, |_| ()).await.is_ok()
        {
            // Whoever hangs up has what it wanted.
            drop(wire.send(answer.as_bytes()).await);
        }
    }
}
