//! Secrets: inline or from a file, and shown nowhere.

use response_settings::{ExposeSecret, Sources};

use crate::{file, load, only_fault, origin, refused, sources, with};

const MARKER: &str = "hunter2-marker";

fn key_of(sources: &Sources) -> String {
    load(sources)
        .settings
        .llm
        .api_key
        .unwrap()
        .expose_secret()
        .to_owned()
}

#[test]
fn a_secret_is_read_inline_or_from_a_file() {
    let (_folder, path) = file("from-a-file\n");
    let path = path.to_str().unwrap();
    assert_eq!(
        key_of(&sources(&[("RESPONSE_LLM_API_KEY", "inline")])),
        "inline"
    );
    assert_eq!(
        key_of(&sources(&[("RESPONSE_LLM_API_KEY_FILE", path)])),
        "from-a-file"
    );
    let overrides = [format!("llm.api_key_file={path}")];
    assert_eq!(key_of(&sources(&[]).overrides(overrides)), "from-a-file");
    let (_other, settings) = file(&format!("[llm]\napi_key_file = '{path}'\n"));
    assert_eq!(key_of(&sources(&[]).file(settings)), "from-a-file");
}

#[test]
fn the_later_source_holds_whichever_form_it_has() {
    let (_folder, secret) = file("from-a-file");
    let secret = secret.to_str().unwrap();
    let (_one, names_a_file) = file("[llm]\napi_key_file = '/nowhere/key'\n");
    let (_other, inline) = file("[llm]\napi_key = 'inline'\n");

    let over = sources(&[("RESPONSE_LLM_API_KEY", "variable")]).file(&names_a_file);
    assert_eq!(
        key_of(&over),
        "variable",
        "the file below it is not even looked for"
    );
    let over = sources(&[("RESPONSE_LLM_API_KEY_FILE", secret)]).file(&inline);
    assert_eq!(key_of(&over), "from-a-file");
    assert_eq!(
        origin(&load(&over), "llm.api_key"),
        "environment RESPONSE_LLM_API_KEY_FILE"
    );
    let over = sources(&[("RESPONSE_LLM_API_KEY_FILE", secret)]).file(&names_a_file);
    assert_eq!(key_of(&over), "from-a-file");
}

#[test]
fn both_forms_in_one_source_are_a_fault() {
    let both = [
        ("RESPONSE_LLM_API_KEY", MARKER),
        ("RESPONSE_LLM_API_KEY_FILE", "/run/key"),
    ];
    let fault = only_fault_besides_the_file(&sources(&both));
    let expected = "llm.api_key (environment RESPONSE_LLM_API_KEY_FILE): given here and as a file \
                    (environment RESPONSE_LLM_API_KEY); keep one of the two";
    assert_eq!(fault, expected);
}

fn only_fault_besides_the_file(sources: &Sources) -> String {
    let mut faults: Vec<_> = refused(sources)
        .faults
        .iter()
        .map(ToString::to_string)
        .collect();
    faults.retain(|fault| !fault.contains("cannot be read"));
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}

#[test]
fn a_secret_file_that_cannot_be_read_is_a_fault_with_its_path() {
    let fault = only_fault(&sources(&[("RESPONSE_LLM_API_KEY_FILE", "/nowhere/key")]));
    let expected = "llm.api_key (environment RESPONSE_LLM_API_KEY_FILE): the file `/nowhere/key` \
                    cannot be read: No such file or directory (os error 2)";
    assert_eq!(fault, expected);
}

#[test]
fn a_secret_that_no_header_can_bear_is_refused_unseen() {
    let (_folder, path) = file(&format!("{MARKER}\nsecond line"));
    for pair in [
        ("RESPONSE_LLM_API_KEY", format!("{MARKER}\u{7}")),
        ("RESPONSE_LLM_API_KEY", format!("ü{MARKER}")),
        (
            "RESPONSE_LLM_API_KEY_FILE",
            path.to_str().unwrap().to_owned(),
        ),
    ] {
        let fault = only_fault(&sources(&[(pair.0, &pair.1)]));
        assert!(
            fault
                .ends_with("the value (not shown) is not allowed; allowed is printable ASCII text")
        );
        assert!(!fault.contains(MARKER), "{fault}");
    }
}

/// A settings file with the marker in every place that may hold a secret.
fn file_full_of_secrets() -> String {
    format!(
        "[llm]\nurl = 'http://user:{MARKER}@llm-api:8080'\napi_key = '{MARKER}'\n\
         [database]\nwrite_dsn = 'postgres://u:{MARKER}@h/db?password={MARKER}'\n\
         read_dsn = 'postgres://u:{MARKER}@h/db'\n\
         [mcp]\nurl = 'https://u:{MARKER}@tools.example/mcp?key={MARKER}'\n\
         [[mcp.servers]]\nlabel = 'docs'\nurl = 'https://u:{MARKER}@docs.example/?token={MARKER}'\n\
         headers = {{ Authorization = 'Bearer {MARKER}' }}\n\
         [webhooks]\nsecret = 'a-first-{MARKER},a-second-{MARKER}'\n"
    )
}

#[test]
fn no_secret_is_in_any_text_about_good_settings() {
    let (_folder, path) = file(&file_full_of_secrets());
    // The one variable that these tests always set would lie over the file's URL.
    let sources = Sources::from_variables([("RESPONSE_API_PORT", "1")])
        .file(path)
        .overrides([format!("llm.api_key={MARKER}")]);
    let loaded = load(&sources);
    assert_eq!(loaded.settings.llm.url.url().password(), Some(MARKER));
    let texts = [
        format!("{loaded:?}"),
        format!("{loaded:#?}"),
        format!("{:?}", loaded.settings.llm.url),
        loaded.settings.llm.url.to_string(),
        loaded.table(),
        format!("{sources:?}"),
    ];
    for text in texts {
        assert!(!text.contains(MARKER), "{text}");
    }
    assert!(
        loaded.table().contains("http://user:***@llm-api:8080/"),
        "{}",
        loaded.table()
    );
    assert!(
        loaded.table().contains("authorization (set, not shown)"),
        "{}",
        loaded.table()
    );
}

#[test]
fn no_secret_is_in_any_text_about_bad_settings() {
    let bad = [
        format!("[llm]\nurl = 'htp://user:{MARKER}@llm-api:8080?key={MARKER}'\n"),
        format!("[llm]\nurl = 'user:{MARKER}/x@llm-api:8080'\n"),
        format!("[llm]\nurl = 'http://user:{MARKER}/x@llm-api:8080'\n"),
        format!("[llm]\napi_key = {MARKER}\n"),
        format!("[llm]\napi_key = '{MARKER}\n"),
        format!("[llm]\napi_key = ['{MARKER}']\n"),
        format!("[llm]\napi_key = {{ {MARKER} = 1 }}\n"),
        format!("[database]\nwrite_dsn = 'mysql://u:{MARKER}@h/db'\n"),
        format!("[webhooks]\nsecret = 'whsec_{MARKER},{MARKER} {MARKER},{MARKER}-long-enough'\n"),
        format!("[webhooks]\nsecret = ['{MARKER}-long-enough']\n"),
        format!("[[mcp.servers]]\nlabel = 'a'\nurl = 'http://a'\nheaders = '{MARKER}'\n"),
        format!(
            "[[mcp.servers]]\nlabel = 'a'\nurl = 'http://a'\nheaders = {{ Host = '{MARKER}' }}\n"
        ),
        format!("[[mcp.servers]]\nlabel = 'a'\nurl = 'htp://u:{MARKER}@a'\n"),
        format!("{}colour = 1\n", file_full_of_secrets()),
    ];
    for text in bad {
        let (_folder, path) = file(&text);
        let faults = refused(&Sources::from_variables([("A", "b")]).file(path));
        for told in [faults.to_string(), format!("{faults:?}"), faults.table()] {
            assert!(!told.contains(MARKER), "{text}\n{told}");
        }
    }
    let faults = refused(&sources(&[]).overrides([format!("llm.api_key:{MARKER}")]));
    assert!(!format!("{faults} {faults:?}").contains(MARKER));
}

#[test]
fn a_secret_of_one_line_keeps_its_spaces_inside() {
    let loaded = with(&[("RESPONSE_LLM_API_KEY", " two words ")]);
    assert_eq!(
        loaded.settings.llm.api_key.unwrap().expose_secret(),
        "two words"
    );
}
