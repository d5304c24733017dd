//! Who may call: what lets the API start, what keeps it from starting, what is told, and what a worker is
//! spared.

use response_settings::{ExposeSecret, Note, Settings, Sources};
use rstest::rstest;

use crate::{file, load, notes, only_fault, refused, shown, sources, with};

const ENABLED: (&str, &str) = ("AUTH_ENABLED", "true");
const ISSUER: (&str, &str) = ("AUTH_ISSUER", "https://login.example.com/realms/jan");
const GATEWAY: (&str, &str) = ("AUTH_GATEWAY_HEADERS", "true");
const EVERYWHERE: (&str, &str) = ("RESPONSE_HOST", "0.0.0.0");
const SECRET: &str = "hunter2-hunter2-hunter2";

#[rstest]
#[case::loopback(&[("RESPONSE_HOST", "127.0.0.9")])]
#[case::loopback_of_the_other_family(&[("RESPONSE_HOST", "::1")])]
#[case::loopback_in_disguise(&[("RESPONSE_HOST", "::ffff:127.0.0.1")])]
#[case::checks(&[EVERYWHERE, ENABLED, ISSUER])]
#[case::keys_of_this_service_alone(&[EVERYWHERE, ENABLED])]
#[case::a_gateway_by_its_address(&[EVERYWHERE, GATEWAY, ("AUTH_GATEWAY_CIDRS", "10.0.0.0/8")])]
#[case::a_gateway_by_its_secret(&[EVERYWHERE, GATEWAY, ("AUTH_GATEWAY_SECRET", SECRET)])]
#[case::a_gateway_anywhere_with_a_secret(
    &[EVERYWHERE, GATEWAY, ("AUTH_GATEWAY_SECRET", SECRET), ("AUTH_GATEWAY_CIDRS", "0.0.0.0/0")]
)]
fn the_api_starts_without_a_word_when_callers_are_told_apart_or_all_are_here(
    #[case] variables: &[(&str, &str)],
) {
    assert_eq!(notes(&with(variables)), Vec::<String>::new());
}

#[rstest]
#[case("0.0.0.0")]
#[case("::")]
#[case("10.0.0.1")]
#[case("::ffff:10.0.0.1")]
fn the_guest_stays_at_home_and_the_refusal_names_the_three_ways_out(#[case] host: &str) {
    let fault = only_fault(&sources(&[("RESPONSE_HOST", host)]));
    let beginning = format!(
        "http.host (environment RESPONSE_HOST): {} can be reached from other machines",
        host.parse::<std::net::IpAddr>().unwrap()
    );
    assert!(fault.starts_with(&beginning), "{fault}");
    for way in [
        "set AUTH_ENABLED=true, and AUTH_ISSUER",
        "set AUTH_GATEWAY_HEADERS=true with AUTH_GATEWAY_CIDRS or AUTH_GATEWAY_SECRET",
        "set AUTH_GUEST=anywhere",
    ] {
        assert!(fault.contains(way), "{fault}");
    }
}

#[test]
fn a_guest_that_may_be_anywhere_is_told() {
    let loaded = with(&[EVERYWHERE, ("AUTH_GUEST", "anywhere")]);
    let expected = "the API listens on 0.0.0.0, and whoever reaches it is the guest and owns everything \
                    (AUTH_GUEST=anywhere): let no stranger reach it";
    assert_eq!(notes(&loaded), [expected]);
    assert_eq!(with(&[("AUTH_GUEST", "anywhere")]).notes, []);
}

#[rstest]
#[case::nobody_gets_in(
    &[ENABLED, ("AUTH_API_KEYS", "false")],
    "auth.enabled (environment AUTH_ENABLED): nobody could get in: set AUTH_ISSUER for tokens, \
     AUTH_API_KEYS=true for keys of this service, or AUTH_API_KEY_URL for keys of another one"
)]
#[case::a_gateway_that_anybody_could_be(
    &[GATEWAY],
    "auth.gateway_headers (environment AUTH_GATEWAY_HEADERS): anybody could claim to be the gateway: set \
     AUTH_GATEWAY_CIDRS to the addresses from which it connects, AUTH_GATEWAY_SECRET to what only it \
     knows, or both"
)]
#[case::a_gateway_everywhere(
    &[GATEWAY, ("AUTH_GATEWAY_CIDRS", "10.0.0.1,::/0")],
    "auth.gateway_cidrs (environment AUTH_GATEWAY_CIDRS): these are all addresses there are, so anybody \
     could claim to be the gateway: name those from which it connects, or set AUTH_GATEWAY_SECRET to what \
     only it knows"
)]
#[case::keys_of_nobody(
    &[ENABLED, ("AUTH_JWKS_URL", "https://a/keys")],
    "auth.jwks_url (environment AUTH_JWKS_URL): these are keys of nobody: set AUTH_ISSUER to the `iss` of \
     the tokens that they sign"
)]
#[case::keys_that_cannot_be_paired(
    &[ENABLED, ("AUTH_ISSUER", "https://a,https://b,https://c"), ("AUTH_JWKS_URL", "https://a/k,https://b/k")],
    "auth.jwks_url (environment AUTH_JWKS_URL): 2 URLs for 3 issuers: set AUTH_JWKS_URL to one URL for all \
     of them, or to one for each in the order of AUTH_ISSUER"
)]
#[case::too_few_requests(
    &[("LIMIT_REQUESTS", "4")],
    "limits.requests (environment LIMIT_REQUESTS): a request that has a model answer counts as 5, so with 4 \
     none ever would: set LIMIT_REQUESTS to 5 or more, or to 0 for no limit"
)]
#[case::too_little_memory(
    &[("RESPONSE_BODY_MEMORY", "9MiB")],
    "http.body_memory (environment RESPONSE_BODY_MEMORY): 9MiB is less than one body may have, which is \
     10MiB: set RESPONSE_BODY_MEMORY to that or more, or RESPONSE_BODY_LIMIT to less"
)]
fn what_does_not_go_together_is_refused_with_what_to_set(
    #[case] variables: &[(&str, &str)],
    #[case] expected: &str,
) {
    assert_eq!(only_fault(&sources(variables)), expected);
}

#[test]
fn all_that_is_wrong_with_who_may_call_is_told_at_once() {
    let variables = [
        EVERYWHERE,
        ("LIMIT_REQUESTS", "1"),
        ("RESPONSE_BODY_MEMORY", "1MiB"),
    ];
    let keys: Vec<_> = refused(&sources(&variables))
        .faults
        .iter()
        .map(|fault| fault.key.clone())
        .collect();
    assert_eq!(keys, ["http.body_memory", "http.host", "limits.requests"]);
}

#[test]
fn who_forgot_the_llm_api_is_told_of_the_open_door_as_well() {
    let faults = refused(&Sources::from_variables([EVERYWHERE])).faults;
    let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["http.host", "llm.url"]);
}

#[test]
fn issuers_are_kept_letter_by_letter_and_once() {
    let loaded = with(&[
        ENABLED,
        (
            "AUTH_ISSUER",
            "https://a.example, https://a.example/,https://B.example/realms/Jan,https://a.example",
        ),
    ]);
    let issuers: Vec<_> = loaded.settings.auth.issuer.iter().collect();
    assert_eq!(
        issuers,
        [
            "https://a.example",
            "https://a.example/",
            "https://B.example/realms/Jan"
        ]
    );
    let (_folder, path) = file("[auth]\nissuer = ['https://a', 'https://b']\naudience = 'jan'\n");
    let auth = load(&sources(&[ENABLED]).file(path)).settings.auth;
    assert_eq!(auth.issuer.iter().len(), 2);
    assert_eq!(auth.audience.iter().collect::<Vec<_>>(), ["jan"]);
}

#[test]
fn urls_of_keys_are_kept_in_their_order_also_when_two_are_the_same() {
    let loaded = with(&[
        ENABLED,
        ("AUTH_ISSUER", "https://a,https://b,https://c"),
        ("AUTH_JWKS_URL", "https://k/1,https://k/2,https://k/1"),
    ]);
    assert_eq!(
        shown(&loaded, "auth.jwks_url"),
        "https://k/1, https://k/2, https://k/1"
    );
}

#[rstest]
#[case("AUTH_ISSUER", "https://a,login", "entry 2 (\"login\") is no such URL")]
#[case(
    "AUTH_ISSUER",
    "https://ada:hunter2@a",
    "entry 1 (\"https://***@a\") is no such URL"
)]
#[case("AUTH_ISSUER", "https://a/?x=hunter2", "is no such URL")]
#[case("AUTH_JWKS_URL", "ftp://a", "entry 1 (\"ftp://a\") is no such URL")]
#[case("ACCOUNT", "jan,two words", "entry 2 (\"two words\") is no such name")]
#[case("AUTH_AUDIENCE", ",", "allowed is one or more names")]
#[case(
    "AUTH_ALGORITHMS",
    "RS256,HS256,none",
    "entry 2 (\"HS256\") needs a secret that whoever checks tokens could forge them with"
)]
#[case("AUTH_ALGORITHMS", "none", "entry 1 (\"none\") is no such algorithm")]
#[case("AUTH_ALGORITHMS", ",", "allowed is one or more of RS256, RS384")]
#[case("AUTH_LEEWAY", "6m", "allowed is a duration from 0s to 5m")]
#[case("AUTH_KEY_CACHE", "2h", "allowed is a duration from 0s to 1h")]
#[case(
    "AUTH_TOKEN_CACHE",
    "1000001",
    "allowed is a whole number from 0 to 1000000"
)]
#[case("AUTH_GATEWAY_CIDRS", "10.1.2.3/8", "is an address in a net")]
#[case("AUTH_GATEWAY_SECRET", "hunter2", "entry 1 (not shown) is too short")]
#[case(
    "AUTH_GATEWAY_SECRET",
    "hunter2 hunter2 hunter2",
    "entry 1 (not shown) has a space"
)]
fn a_value_that_says_nothing_is_refused_without_its_secrets(
    #[case] variable: &str,
    #[case] given: &str,
    #[case] why: &str,
) {
    let faults = refused(&sources(&[(variable, given)])).to_string();
    assert!(faults.contains(why), "{faults}");
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn algorithms_are_named_in_any_case() {
    let loaded = with(&[("AUTH_ALGORITHMS", "es256, EDDSA,ES256,Rs512")]);
    assert_eq!(shown(&loaded, "auth.algorithms"), "ES256, EdDSA, RS512");
}

#[test]
fn secrets_of_the_gateway_are_several_may_stand_in_a_file_and_are_never_shown() {
    let (_folder, path) = file(&format!("{SECRET}\n{SECRET}-new\n"));
    let variable = ("AUTH_GATEWAY_SECRET_FILE", path.to_str().unwrap());
    let loaded = with(&[GATEWAY, variable]);
    assert_eq!(
        shown(&loaded, "auth.gateway_secret"),
        "2 secrets (set, not shown)"
    );
    assert!(!format!("{:?}", loaded.settings).contains("hunter2"));
    let secrets = loaded.settings.auth.gateway_secret.unwrap();
    let secrets: Vec<_> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, [SECRET, &format!("{SECRET}-new")]);
}

#[test]
fn what_is_given_and_not_read_is_told_with_its_switch() {
    let loaded = with(&[
        ISSUER,
        ("AUTH_JWKS_URL", "http://keycloak:8085/certs"),
        ("AUTH_API_KEY_URL", "http://llm-api/auth/validate-api-key"),
        ("AUTH_GATEWAY_CIDRS", "10.0.0.0/8"),
        ("AUTH_GATEWAY_SECRET", SECRET),
    ]);
    let told = notes(&loaded);
    let expected = [
        ("AUTH_ISSUER", "AUTH_ENABLED"),
        ("AUTH_JWKS_URL", "AUTH_ENABLED"),
        ("AUTH_API_KEY_URL", "AUTH_ENABLED"),
        ("AUTH_GATEWAY_CIDRS", "AUTH_GATEWAY_HEADERS"),
        ("AUTH_GATEWAY_SECRET", "AUTH_GATEWAY_HEADERS"),
    ]
    .map(|(setting, switch)| format!("{setting} is set and not read, because {switch} is false"));
    assert_eq!(told, expected);
}

#[rstest]
#[case::issuer(&[("AUTH_ISSUER", "http://keycloak:8085/realms/jan")], &["AUTH_ISSUER names keycloak"])]
#[case::keys(
    &[("AUTH_ISSUER", "http://localhost:8085/realms/jan"), ("AUTH_JWKS_URL", "http://keycloak:8085/certs")],
    &["AUTH_JWKS_URL names keycloak"]
)]
#[case::a_name_that_nobody_asks(
    &[("AUTH_ISSUER", "http://keycloak:8085/realms/jan"), ("AUTH_JWKS_URL", "https://keycloak/certs")],
    &[]
)]
#[case::keys_of_others(&[("AUTH_API_KEY_URL", "http://llm-api/check")], &["AUTH_API_KEY_URL names llm-api"])]
#[case::here(&[("AUTH_ISSUER", "http://127.0.0.1:1,http://[::1]:1,http://localhost")], &[])]
fn plain_http_is_told_where_somebody_could_get_between(
    #[case] variables: &[(&str, &str)],
    #[case] told: &[&str],
) {
    let variables: Vec<_> = variables.iter().copied().chain([ENABLED]).collect();
    let notes = notes(&with(&variables));
    assert_eq!(notes.len(), told.len(), "{notes:?}");
    for (note, told) in notes.iter().zip(told) {
        assert!(
            note.starts_with(told) && note.contains("use https"),
            "{note}"
        );
    }
}

/// Each of these keeps the API from starting, or is told to it.
#[rstest]
#[case::a_guest_everywhere(&[EVERYWHERE])]
#[case::an_unproven_gateway(&[GATEWAY])]
#[case::a_value_that_says_nothing(&[ENABLED, ("AUTH_LEEWAY", "soon")])]
#[case::a_secret_that_only_the_api_has(&[GATEWAY, ("AUTH_GATEWAY_SECRET_FILE", "/not/there")])]
#[case::nobody_gets_in(&[ENABLED, ("AUTH_API_KEYS", "false")])]
#[case::plain(&[ENABLED, ("AUTH_API_KEY_URL", "http://a")])]
fn a_worker_is_spared_what_concerns_callers(#[case] variables: &[(&str, &str)]) {
    let sources = sources(variables);
    let is_spared = Settings::load(&sources).map_or(true, |api| !api.notes.is_empty());
    assert!(is_spared, "the API is not");
    let worker = Settings::load_for_worker(&sources).unwrap();
    assert_eq!(worker.notes, []);
    assert!(!worker.table().contains("auth."), "{}", worker.table());
}

#[test]
fn a_worker_knows_the_addresses_that_no_caller_may_name() {
    let url = ("AUTH_API_KEY_URL", "http://10.1.2.3/check");
    let worker = Settings::load_for_worker(&sources(&[url])).unwrap();
    assert!(worker.settings.auth.api_key_url.is_some());
}

#[test]
fn a_worker_is_told_what_concerns_it() {
    let sources = sources(&[("EGRESS_ALLOW_CIDRS", "::1"), ("DB_POOL_SIZE", "1")]);
    let worker = Settings::load_for_worker(&sources).unwrap();
    assert!(matches!(worker.notes.as_slice(), [Note::LetThrough { .. }]));
    let sources = sources.overrides(["http.port=none"]);
    let faults = Settings::load_for_worker(&sources).unwrap_err();
    assert!(faults.to_string().contains("http.port"), "{faults}");
}
