//! When nobody is told apart: only where no stranger can be.

use super::stage::{are_one, gets_in};
use crate::process::World;

async fn refusal(settings: &[(&str, &str)]) -> String {
    let mut world = World::new();
    for (name, value) in settings {
        world.set(name, value);
    }
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), world.command().output());
    let ended = ended.await.unwrap().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{settings:?}");
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

#[tokio::test]
async fn everybody_is_the_guest_only_on_this_machine() {
    for host in ["0.0.0.0", "::"] {
        let told = refusal(&[("RESPONSE_HOST", host)]).await;
        for way in ["AUTH_ENABLED", "AUTH_GATEWAY_HEADERS", "AUTH_GUEST"] {
            assert!(told.contains(way), "{way} is not in:\n{told}");
        }
    }
    let mut world = World::new();
    world.set("RESPONSE_HOST", "0.0.0.0");
    world.set("AUTH_GUEST", "anywhere");
    let service = world.start().await;
    assert_eq!(service.get("healthz").await.status, 200);
}

#[tokio::test]
async fn a_guest_owns_everything_whatever_it_brings() {
    let world = World::new();
    let service = world.start().await;
    gets_in(&service).await;
    are_one(&service, &service.bearing("anything")).await;
    are_one(&service, &service.with("x-api-key", "sk_live_ada")).await;
    are_one(&service, &service.with("x-user-subject", "ada")).await;
}

/// Settings, and what the refusal names.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

#[tokio::test]
async fn settings_by_which_nobody_or_anybody_could_get_in_are_refused() {
    let cases: [Case; 4] = [
        (
            &[("AUTH_GATEWAY_HEADERS", "true")],
            &["AUTH_GATEWAY_CIDRS", "AUTH_GATEWAY_SECRET"],
        ),
        (
            &[("AUTH_ENABLED", "true"), ("AUTH_API_KEYS", "false")],
            &["AUTH_ISSUER", "AUTH_API_KEY_URL"],
        ),
        (
            &[
                ("AUTH_GATEWAY_HEADERS", "true"),
                ("AUTH_GATEWAY_SECRET", "marker-short"),
            ],
            &["AUTH_GATEWAY_SECRET", "16"],
        ),
        (
            &[
                ("AUTH_ENABLED", "true"),
                ("AUTH_ISSUER", "http://127.0.0.1:9/a,http://127.0.0.1:9/b"),
                (
                    "AUTH_JWKS_URL",
                    "http://127.0.0.1:9/1,http://127.0.0.1:9/2,http://127.0.0.1:9/3",
                ),
            ],
            &["AUTH_JWKS_URL"],
        ),
    ];
    for (settings, told) in cases {
        let refused = refusal(settings).await;
        for word in told {
            assert!(
                refused.contains(word),
                "{settings:?}: {word} is not in:\n{refused}"
            );
        }
        assert!(!refused.contains("marker-short"), "{refused}");
    }
}
