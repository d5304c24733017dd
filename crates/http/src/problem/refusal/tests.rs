//! Every answer of the engine as a problem, and its place in the pages.

use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ConversationId, ItemId, RawId};
use response_domain::limit::Quota;
use response_domain::ports::auth::Flaw;
use response_domain::ports::vault::VaultError;
use response_domain::ports::webhook::NotAllowed;

use super::*;

/// What the engine can answer instead, and how that is told: status, code, and whether a client may
/// repeat the request by itself.
fn table() -> Vec<(EndpointError, &'static str)> {
    let cause = || "password of postgres".into();
    vec![
        (EndpointError::NotFound, "404 webhook_not_found yes"),
        (EndpointError::NoSuchDelivery, "404 delivery_not_found yes"),
        (
            EndpointError::Full { at_most: 100 },
            "400 too_many_webhooks yes",
        ),
        (
            EndpointError::TriedEnough { attempts: 100 },
            "409 delivery_tried_enough no",
        ),
        (EndpointError::Contended, "409 webhook_contended yes"),
        (
            EndpointError::TooManyTests,
            "429 too_many_webhook_tests yes",
        ),
        (EndpointError::NoKey, "503 webhooks_unavailable no"),
        (
            EndpointError::Vault(VaultError::Tampered),
            "500 internal yes",
        ),
        (
            EndpointError::Store(StoreError::Unavailable(cause())),
            "503 database_unavailable yes",
        ),
        (
            EndpointError::Store(StoreError::Failed(cause())),
            "500 internal yes",
        ),
    ]
}

/// The same of what only OpenAI's clients ask for, but for the key, which anybody may bring.
fn of_conversations() -> Vec<(Problem, &'static str)> {
    let item = ItemId::new(RawId::new(7), 1);
    let room = ConversationId::new(RawId::new(7));
    let away = || StoreError::Unavailable("password of postgres".into());
    let label = || "mine".into();
    vec![
        (
            ConversationError::NotFound.into(),
            "404 conversation_not_found - yes",
        ),
        (
            ConversationError::ItemNotFound(item).into(),
            "404 item_not_found - yes",
        ),
        (
            ConversationError::Sealed { place: 3 }.into(),
            "400 invalid_encrypted_content items[3].encrypted_content yes",
        ),
        (
            ConversationError::Store(away()).into(),
            "503 database_unavailable - yes",
        ),
        (
            CreateError::ConversationBusy(room).into(),
            "400 conversation_locked conversation yes",
        ),
        (
            CreateError::KeyReused.into(),
            "400 idempotency_key_reused Idempotency-Key no",
        ),
        (
            CreateError::UnknownServer {
                index: 2,
                label: label(),
            }
            .into(),
            "400 mcp_server_not_found tools[2].server_label yes",
        ),
        (
            CreateError::ServerNotAllowed {
                index: 2,
                label: label(),
                reason: NotAllowed("its address is not public".to_owned()),
            }
            .into(),
            "400 mcp_server_not_allowed tools[2].server_url yes",
        ),
        (
            CreateError::Sealed { place: 3 }.into(),
            "400 invalid_encrypted_content input[3].encrypted_content yes",
        ),
        (CreateError::NoKey.into(), "503 sealing_unavailable - no"),
        (
            CreateError::Model(Failure::new(FailureCode::ModelUnavailable, "away")).into(),
            "502 model_unavailable - yes",
        ),
    ]
}

#[test]
fn every_trouble_of_openais_clients_has_one_answer() {
    let page = include_str!("../../../../../docs/api-openai.md");
    for (problem, expected) in of_conversations() {
        let repeat = match problem.repeat {
            Repeat::Free => "yes",
            Repeat::Futile => "no",
        };
        let status = problem.status.as_u16();
        let field = problem.field.as_deref().unwrap_or("-");
        assert_eq!(
            format!("{status} {} {field} {repeat}", problem.code),
            expected
        );
        assert!(!problem.message.contains("postgres"), "{}", problem.message);
        let row = format!("| `{}` |", problem.code);
        assert!(status != 400 || page.contains(&row), "{row}");
    }
    let native = include_str!("../../../../../docs/api-native.md");
    assert!(native.contains("| 400 | `idempotency_key_reused` |"));
}

#[test]
fn every_trouble_with_an_endpoint_is_answered_as_its_page_says() {
    let page = include_str!("../../../../../docs/api-native.md");
    for (error, expected) in table() {
        let problem = Problem::from(error);
        let status = problem.status.as_u16();
        let repeat = match problem.repeat {
            Repeat::Free => "yes",
            Repeat::Futile => "no",
        };
        assert_eq!(format!("{status} {} {repeat}", problem.code), expected);
        assert!(!problem.message.contains("postgres"), "{}", problem.message);
        let quoted = format!("`{}`", problem.code);
        let mut rows = page.lines().filter(|line| line.contains(&quoted));
        let is_told = rows.any(|row| row.contains(&format!("| {status} |")));
        assert!(is_told, "{expected}");
        let may_help = matches!(status, 429 | 503) && problem.repeat == Repeat::Free;
        assert_eq!(problem.retry_after.is_some(), may_help, "{expected}");
    }
}

/// How whoever asks for too much, or is not known, is answered: status, code, and for how many seconds.
fn at_the_door() -> Vec<(Problem, &'static str)> {
    let wait = Duration::from_millis(2_001);
    let quota = Quota {
        limit: 10,
        remaining: 0,
        reset: wait,
    };
    vec![
        (
            Exhausted {
                quota,
                retry_after: wait,
            }
            .into(),
            "429 too_many_requests 3",
        ),
        (
            CreateError::TokensSpent { retry_after: wait }.into(),
            "429 token_limit_reached 3",
        ),
        (CreateError::TooManyRuns.into(), "429 too_many_responses 1"),
        (TooManyStreams::OfOwner.into(), "429 too_many_streams 1"),
        (TooManyStreams::OfEverybody.into(), "503 overloaded 1"),
        (CreateError::Overloaded.into(), "503 overloaded 1"),
        (Full.into(), "503 overloaded 1"),
        (AuthError::Missing.into(), "401 missing_credentials -"),
        (
            AuthError::Invalid(Flaw::Signature).into(),
            "401 invalid_token -",
        ),
        (AuthError::Expired.into(), "401 token_expired -"),
        (
            AuthError::Unavailable {
                retry_after: wait,
                cause: "the keys of https://inner.example".into(),
            }
            .into(),
            "503 authentication_unavailable 3",
        ),
    ]
}

#[test]
fn whoever_is_not_let_in_is_answered_as_the_page_says() {
    let page = include_str!("../../../../../docs/api-native.md");
    for (problem, expected) in at_the_door() {
        let status = problem.status.as_u16();
        let wait = problem
            .retry_after
            .map_or("-".to_owned(), |seconds| seconds.to_string());
        assert_eq!(format!("{status} {} {wait}", problem.code), expected);
        assert_eq!(problem.repeat, Repeat::Free, "{expected}");
        let quoted = format!("`{}`", problem.code);
        let mut rows = page.lines().filter(|line| line.contains(&quoted));
        assert!(
            rows.any(|row| row.contains(&format!("| {status} |"))),
            "{expected}"
        );
        let told = format!("{} {:?}", problem.message, problem.field);
        assert!(!told.contains("inner"), "{told}");
        assert!(
            !told.contains("ignature"),
            "which check it was is for the log"
        );
    }
}
