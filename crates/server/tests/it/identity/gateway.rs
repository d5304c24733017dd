//! The word of a gateway, and of those who only say they are one: A3 of the faults.

use serde_json::json;

use super::provider::Provider;
use super::stage::{are_one, are_strangers, gets_in, is_turned_away, takes_tokens_of};
use crate::process::{Client, Process, World};
use crate::wire::{Wire, address, request};

const SECRET: &str = "between-the-gateway-and-us";

async fn started(settings: &[(&str, &str)]) -> (World, Process) {
    let mut world = World::new();
    world.set("AUTH_GATEWAY_HEADERS", "true");
    for (name, value) in settings {
        world.set(name, value);
    }
    let service = world.start().await;
    (world, service)
}

fn proven(service: &Client) -> Client {
    service.with("x-gateway-auth", SECRET)
}

#[tokio::test]
async fn from_its_address_a_gateway_is_believed() {
    let (_world, service) = started(&[("AUTH_GATEWAY_CIDRS", "127.0.0.0/30")]).await;
    let ada = service.with("x-user-subject", "ada");
    are_one(&ada, &service.with("x-user-id", "ada")).await;
    are_one(
        &ada,
        &service.with("x-user-id", "7").with("x-user-subject", "ada"),
    )
    .await;
    are_strangers(&ada, &service.with("x-user-subject", "grace")).await;
    let consumer = service.with("x-consumer-custom-id", "ada");
    gets_in(&consumer).await;
    are_strangers(&ada, &consumer).await;
    are_one(&consumer, &service.with("x-consumer-id", "ada")).await;
    // Whoever the gateway does not know is nobody, whatever else is said.
    let nobody = ada.with("x-anonymous-consumer", "true");
    is_turned_away(&nobody, "missing_credentials", "anonymous").await;
    is_turned_away(&service, "missing_credentials", "nothing").await;
}

#[tokio::test]
async fn from_elsewhere_its_headers_are_as_if_they_were_not_there() {
    let (_world, service) = started(&[("AUTH_GATEWAY_CIDRS", "127.0.0.2/32")]).await;
    let headers = [
        ("x-user-subject", "ada"),
        ("x-user-id", "ada"),
        ("x-consumer-custom-id", "ada"),
        ("x-consumer-id", "ada"),
        // Where a request came from is what its connection says.
        ("x-forwarded-for", "127.0.0.2"),
        ("forwarded", "for=127.0.0.2"),
        ("x-real-ip", "127.0.0.2"),
    ];
    for (name, value) in headers {
        let caller = service.with("x-user-subject", "ada").with(name, value);
        is_turned_away(&caller, "missing_credentials", name).await;
    }
    let asked = request("GET", "/v1/responses", &headers, "");
    for (host, status) in [
        ([127, 0, 0, 1], 401),
        ([127, 0, 0, 2], 200),
        ([127, 0, 0, 3], 401),
    ] {
        let mut wire = Wire::from(host.into(), address(&service)).await;
        wire.send(&asked).await;
        assert_eq!(wire.reply().await.status, status, "{host:?}");
    }
}

#[tokio::test]
async fn with_its_secret_a_gateway_is_believed_from_anywhere() {
    let secrets = format!("{SECRET},the-one-before-this-one");
    let (world, service) = started(&[("AUTH_GATEWAY_SECRET", &secrets)]).await;
    let ada = proven(&service).with("x-user-subject", "ada");
    gets_in(&ada).await;
    let other = service
        .with("x-gateway-auth", "the-one-before-this-one")
        .with("x-user-subject", "ada");
    are_one(&ada, &other).await;
    let long = format!("{SECRET}{SECRET}");
    for proof in [
        "",
        "x",
        "between-the-gateway-and-u",
        "BETWEEN-THE-GATEWAY-AND-US",
        secrets.as_str(),
        &long,
    ] {
        let caller = service
            .with("x-gateway-auth", proof)
            .with("x-user-subject", "ada");
        is_turned_away(&caller, "missing_credentials", proof).await;
    }
    // Neither the proof nor the word goes on to anybody.
    for seen in world.model.ledger().seen() {
        for (name, value) in &seen.headers {
            assert!(!value.contains("between-the-gateway"), "{name}: {value}");
            assert_ne!(name, "x-gateway-auth");
        }
    }
}

#[tokio::test]
async fn when_both_are_set_both_must_hold() {
    let (_world, service) = started(&[
        ("AUTH_GATEWAY_CIDRS", "127.0.0.2"),
        ("AUTH_GATEWAY_SECRET", SECRET),
    ])
    .await;
    let user = ("x-user-subject", "ada");
    let proof = ("x-gateway-auth", SECRET);
    for (host, headers, status) in [
        ([127, 0, 0, 2], vec![user, proof], 200),
        ([127, 0, 0, 2], vec![user], 401),
        (
            [127, 0, 0, 2],
            vec![user, ("x-gateway-auth", "something-else-as-long")],
            401,
        ),
        ([127, 0, 0, 1], vec![user, proof], 401),
        ([127, 0, 0, 2], vec![proof], 401),
    ] {
        let mut wire = Wire::from(host.into(), address(&service)).await;
        wire.send(&request("GET", "/v1/responses", &headers, ""))
            .await;
        assert_eq!(wire.reply().await.status, status, "{host:?} {headers:?}");
    }
}

/// A header that stands twice may be the client's own beside the gateway's.
#[tokio::test]
async fn what_is_said_twice_says_nothing() {
    let (_world, service) = started(&[("AUTH_GATEWAY_SECRET", SECRET)]).await;
    let proof = ("x-gateway-auth", SECRET);
    for headers in [
        vec![
            proof,
            ("x-user-subject", "ada"),
            ("X-User-Subject", "grace"),
        ],
        vec![proof, ("x-gateway-auth", SECRET), ("x-user-subject", "ada")],
        vec![proof, ("x-user-subject", " ")],
        vec![proof, ("x-user_subject", "ada")],
    ] {
        let mut wire = Wire::open(address(&service)).await;
        wire.send(&request("GET", "/v1/responses", &headers, ""))
            .await;
        assert_eq!(wire.reply().await.status, 401, "{headers:?}");
    }
}

/// With tokens taken as well, each is known by what it brings, and the gateway's word comes first.
#[tokio::test]
async fn a_users_token_and_the_gateways_word_are_one_owner() {
    let provider = Provider::start().await;
    let mut world = World::new();
    takes_tokens_of(&mut world, &provider);
    world.set("AUTH_GATEWAY_HEADERS", "true");
    world.set("AUTH_GATEWAY_SECRET", SECRET);
    let service = world.start().await;
    let ada = service.bearing(&provider.token("ada", "ES256").await);
    let grace = service.bearing(&provider.token("grace", "ES256").await);
    are_one(&ada, &proven(&service).with("x-user-subject", "ada")).await;
    are_strangers(&ada, &proven(&service).with("x-consumer-id", "ada")).await;
    // Whoever only says to be somebody else is who the token says.
    are_one(&ada, &ada.with("x-user-subject", "grace")).await;
    are_strangers(&grace, &ada.with("x-user-subject", "grace")).await;
    // A token that is not good is not looked at when the gateway has spoken, and goes on as it came.
    let forged = provider.sign(json!({}), json!({}), "zeros").await;
    let spoken = proven(&service)
        .with("x-user-subject", "ada")
        .bearing(&forged);
    are_one(&ada, &spoken).await;
    is_turned_away(&service.bearing(&forged), "invalid_token", "no word").await;
    let anonymous = proven(&ada).with("x-anonymous-consumer", "true");
    are_one(&ada, &anonymous).await;
}
