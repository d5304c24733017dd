//! Further MCP servers, which only a file can name.

use response_settings::{CallerCredential, ExposeSecret, McpMode, Trust};

use crate::{file, load, only_fault, refused, shown, sources};

#[test]
fn a_server_has_safe_defaults() {
    let (_folder, path) =
        file("[[mcp.servers]]\nlabel = 'docs'\nurl = 'https://docs.example/mcp'\n");
    let loaded = load(&sources(&[]).file(path));
    let [server] = loaded.settings.mcp.servers.as_slice() else {
        panic!("one server")
    };
    assert_eq!(
        (server.label.as_str(), server.mode),
        ("docs", McpMode::Auto)
    );
    assert_eq!(server.url.url().as_str(), "https://docs.example/mcp");
    assert_eq!(server.trusted, Trust::Untrusted);
    assert_eq!(server.forward_credential, CallerCredential::Withheld);
    assert_eq!(server.headers.iter().count(), 0);
}

#[test]
fn servers_are_read_in_order_with_all_that_can_be_said() {
    let (_secret_folder, secret) = file("Bearer from-a-file\n");
    let text = format!(
        "[[mcp.servers]]\nlabel = 'docs'\nurl = 'https://docs.example/mcp'\nmode = 'session'\n\
         trusted = true\nforward_credential = true\n\
         headers = {{ X-Key = 'abc', Authorization = {{ file = '{}' }} }}\n\
         [[mcp.servers]]\nlabel = 'a'\nurl = 'http://a'\nmode = 'bare'\n",
        secret.display()
    );
    let (_folder, path) = file(&text);
    let loaded = load(&sources(&[]).file(path));
    let [docs, other] = loaded.settings.mcp.servers.as_slice() else {
        panic!("two servers")
    };
    let headers: Vec<_> = docs
        .headers
        .iter()
        .map(|(name, value)| (name, value.expose_secret()))
        .collect();
    assert_eq!(
        headers,
        [("authorization", "Bearer from-a-file"), ("x-key", "abc")]
    );
    assert_eq!(
        (docs.mode, docs.trusted),
        (McpMode::Session, Trust::Trusted)
    );
    assert_eq!(docs.forward_credential, CallerCredential::Forwarded);
    assert_eq!((other.label.as_str(), other.mode), ("a", McpMode::Bare));
    let expected = "docs: https://docs.example/mcp (session; trusted; gets the caller's credential; \
                    headers: authorization, x-key (set, not shown)), a: http://a/ (bare; not trusted; \
                    gets no credential; headers: none)";
    assert_eq!(shown(&loaded, "mcp.servers"), expected);
}

#[test]
fn every_fault_of_every_server_is_told_with_its_place() {
    let (_folder, path) = file(
        "[[mcp.servers]]\nlabel = 'Docs'\nmode = 'fast'\nlable = 'x'\n\
         [[mcp.servers]]\nlabel = 'a'\nurl = 'a:80'\ntrusted = 'perhaps'\n\
         headers = { 'bad name' = 'x', Host = 'y', X-Good = 'z', X-File = { file = '/nowhere/h' } }\n",
    );
    let faults = refused(&sources(&[]).file(path)).faults;
    let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    let expected = [
        "mcp.servers[0].label",
        "mcp.servers[0].lable",
        "mcp.servers[0].mode",
        "mcp.servers[0].url",
        "mcp.servers[1].headers.bad name",
        "mcp.servers[1].headers.host",
        "mcp.servers[1].headers.x-file",
        "mcp.servers[1].trusted",
        "mcp.servers[1].url",
    ];
    assert_eq!(keys, expected);
    assert!(
        faults[1].to_string().ends_with("the closest is `label`"),
        "{}",
        faults[1]
    );
    assert!(
        faults[3]
            .to_string()
            .contains("`url` must be an http or https URL"),
        "{}",
        faults[3]
    );
}

#[test]
fn two_servers_have_two_labels() {
    let entry = "[[mcp.servers]]\nlabel = 'a'\nurl = 'http://a'\n";
    let (_folder, path) = file(&format!("{entry}{entry}"));
    let fault = only_fault(&sources(&[]).file(path));
    assert!(fault.starts_with("mcp.servers[1].label ("), "{fault}");
    assert!(
        fault.ends_with("the label `a` is given to two servers"),
        "{fault}"
    );
}

#[test]
fn the_label_of_the_platforms_server_is_not_for_another() {
    let (_folder, path) = file("[[mcp.servers]]\nlabel = 'default'\nurl = 'http://a'\n");
    let alone = load(&sources(&[]).file(&path));
    assert_eq!(alone.settings.mcp.servers.len(), 1);
    let beside = sources(&[("RESPONSE_MCP_TOOLS_URL", "http://tools")]).file(path);
    let fault = only_fault(&beside);
    assert!(
        fault.ends_with("the label `default` is that of the server at `mcp.url`"),
        "{fault}"
    );
}

#[test]
fn a_list_of_servers_is_a_list_of_tables() {
    for text in [
        "servers = 'http://a'",
        "servers = ['http://a']",
        "servers = { label = 'a' }",
    ] {
        let (_folder, path) = file(&format!("[mcp]\n{text}\n"));
        let fault = only_fault(&sources(&[]).file(path));
        assert!(
            fault.contains("mcp.servers") && fault.contains("`[[mcp.servers]]` tables"),
            "{fault}"
        );
    }
    let fault = only_fault(&sources(&[]).overrides(["mcp.servers=http://a"]));
    assert!(fault.contains("in a file"), "{fault}");
}
