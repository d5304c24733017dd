//! Tools that a request brings, and how to choose among them.

use response_domain::spec::{
    ApprovalRule, CallerTool, Draft, ServerOffer, ToolChoice, ToolFilter, ToolName, ToolOffer,
    ToolSelection,
};
use serde_json::{Value, json};

use super::faults::lines;
use super::{body, drafted, read, refused};
use crate::HostedTools;
use crate::dialect::openai::request::draft;

fn offers(draft: &Draft) -> &[ToolOffer] {
    match &draft.tools {
        Some(ToolSelection::Offered(offers)) => offers,
        other => panic!("{other:?}"),
    }
}

fn shown(draft: &Draft) -> Value {
    draft.echo.as_ref().unwrap().to_value()["tools"].take()
}

/// The only server of a request that brings one with these members.
fn server(members: &Value) -> (ServerOffer, Value, Draft) {
    let mut tool = json!({"type": "mcp", "server_label": "s"});
    for (name, value) in members.as_object().unwrap() {
        tool[name] = value.clone();
    }
    let draft = drafted(&json!({"tools": [tool]}));
    let [ToolOffer::Server(server)] = offers(&draft) else {
        panic!("{draft:?}");
    };
    (server.clone(), shown(&draft)[0].take(), draft)
}

#[test]
fn functions_are_the_callers() {
    let schema = json!({"type": "object", "properties": {}});
    let draft = drafted(&json!({"tools": [
        {"type": "function", "name": "a_1-B", "description": "d", "parameters": schema, "strict": true},
        {"type": "function", "name": "b", "description": null, "parameters": null, "strict": null, "x": 1},
    ]}));
    let function = |name: &str| CallerTool {
        name: name.into(),
        description: None,
        parameters: None,
        strict: None,
    };
    let [ToolOffer::Function(whole), ToolOffer::Function(bare)] = offers(&draft) else {
        panic!("{draft:?}");
    };
    assert_eq!(*bare, function("b"));
    assert_eq!(whole.description.as_deref(), Some("d"));
    assert_eq!(whole.parameters.as_ref().unwrap().to_value(), schema);
    assert_eq!(whole.strict, Some(true));
    assert_eq!(
        shown(&draft),
        json!([
            {"type": "function", "name": "a_1-B", "description": "d", "parameters": schema, "strict": true},
            {"type": "function", "name": "b", "description": null, "parameters": null, "strict": null},
        ])
    );
}

#[test]
fn a_server_is_configured_or_has_an_address() {
    let (configured, told, draft) = server(&json!({}));
    let expected = ServerOffer {
        label: "s".into(),
        url: None,
        allowed: None,
        approval: ApprovalRule::Always,
    };
    assert_eq!(configured, expected);
    assert_eq!(
        told,
        json!({
            "type": "mcp", "server_label": "s", "allowed_tools": null, "require_approval": "always",
        })
    );
    assert!(draft.tool_secrets.is_empty());
    let (addressed, told, draft) = server(&json!({
        "server_url": "https://u:p@mcp.example.com:8443/sse?key=s3cret#f", "server_description": "d",
    }));
    let url = "https://u:p@mcp.example.com:8443/sse?key=s3cret#f";
    let origin = "https://mcp.example.com:8443";
    assert_eq!(addressed.url.as_deref(), Some(origin));
    assert_eq!(draft.tool_secrets.address("s", origin), url);
    assert_eq!(told["server_url"], "https://mcp.example.com:8443");
    assert_eq!(told["server_description"], "d");
}

#[test]
fn nothing_of_an_address_is_told_again_but_its_origin() {
    for (url, told) in [
        ("http://a", "http://a"),
        ("HTTPS://A.b/", "https://A.b"),
        ("https://[::1]:80/x", "https://[::1]:80"),
        ("https://u:s3cret@a\\b", "https://a"),
        ("https://s3cret@u@a?b@c", "https://a"),
        ("https://a#s3cret@b", "https://a"),
        (" https://a /s3cret", "https://a"),
    ] {
        let (offer, shown, draft) = server(&json!({"server_url": url}));
        let known = offer.url.unwrap();
        assert_eq!((&*known, &shown["server_url"]), (told, &json!(told)));
        assert_eq!(draft.tool_secrets.address("s", &known), url);
    }
}

#[test]
fn tools_of_a_server_are_allowed_by_name_or_by_what_is_said_of_them() {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).into()).collect());
    for (allowed, expected) in [
        (json!(null), None),
        (
            json!(["a", "b"]),
            Some(ToolFilter {
                names: names(&["a", "b"]),
                reads_only: None,
            }),
        ),
        (
            json!([]),
            Some(ToolFilter {
                names: names(&[]),
                reads_only: None,
            }),
        ),
        (
            json!({"tool_names": ["a"], "read_only": true}),
            Some(ToolFilter {
                names: names(&["a"]),
                reads_only: Some(true),
            }),
        ),
        (
            json!({"tool_names": null, "read_only": false}),
            Some(ToolFilter {
                names: None,
                reads_only: Some(false),
            }),
        ),
        (json!({}), Some(ToolFilter::default())),
    ] {
        let (offer, told, _) = server(&json!({"allowed_tools": allowed}));
        assert_eq!(offer.allowed, expected);
        assert_eq!(told["allowed_tools"], allowed);
    }
}

#[test]
fn calls_have_to_be_allowed_unless_it_is_said_otherwise() {
    let only = |name: &str| {
        Some(ToolFilter {
            names: Some(vec![name.into()]),
            reads_only: None,
        })
    };
    let reading = Some(ToolFilter {
        names: None,
        reads_only: Some(true),
    });
    let some = |always, never| ApprovalRule::Some { always, never };
    for (rule, expected) in [
        (json!("always"), ApprovalRule::Always),
        (json!("never"), ApprovalRule::Never),
        (json!({}), some(None, None)),
        (
            json!({"never": {"tool_names": ["a"]}}),
            some(None, only("a")),
        ),
        (
            json!({"always": {"tool_names": ["b"]}, "never": {"read_only": true}}),
            some(only("b"), reading),
        ),
        (json!({"always": null, "never": null}), some(None, None)),
    ] {
        let (offer, told, _) = server(&json!({"require_approval": rule}));
        assert_eq!(offer.approval, expected, "{rule}");
        assert_eq!(told["require_approval"], rule);
    }
    let (offer, told, _) = server(&json!({"require_approval": null}));
    assert_eq!(
        (offer.approval, &told["require_approval"]),
        (ApprovalRule::Always, &json!("always"))
    );
}

#[test]
fn what_is_given_along_goes_to_its_server_and_is_never_told_again() {
    let members = json!({
        "server_url": "https://a", "authorization": "s3cret-token",
        "headers": {"X-Key": "s3cret", "x-other": ""},
    });
    let (_, told, draft) = server(&members);
    let headers: Vec<_> = draft.tool_secrets.headers("s").collect();
    assert_eq!(
        headers,
        [
            ("x-key", "s3cret"),
            ("x-other", ""),
            ("authorization", "Bearer s3cret-token")
        ]
    );
    assert_eq!(draft.tool_secrets.headers("other").count(), 0);
    assert!(!told.to_string().contains("s3cret"));
    assert!(!format!("{draft:?}").contains("s3cret"));
    let (_, _, draft) =
        server(&json!({"server_url": "https://a", "headers": {"Authorization": "Basic x"}}));
    let headers: Vec<_> = draft.tool_secrets.headers("s").collect();
    assert_eq!(headers, [("authorization", "Basic x")]);
}

#[test]
fn a_tool_that_is_hosted_elsewhere_is_passed_over_or_refused() {
    let tools = json!([
        {"type": "web_search", "search_context_size": "low"}, {"type": "function", "name": "f"},
        {"type": "custom", "name": "c"}, {"type": "namespace"}, {"type": "web_search"},
        {"type": "acme:lookup", "name": 5},
    ]);
    let fields = json!({"tools": tools});
    let passed = drafted(&fields);
    assert_eq!(offers(&passed).len(), 1);
    let unknown: Vec<&str> = passed.unknown_tools.iter().map(|kind| &**kind).collect();
    assert_eq!(
        unknown,
        ["web_search", "custom", "namespace", "acme:lookup"]
    );
    assert_eq!(shown(&passed).as_array().unwrap().len(), 1);
    let (code, field, message) = refused(draft(&body(&fields).to_string(), HostedTools::Refuse));
    assert_eq!((&*code, &*field), ("unsupported_value", "tools[0].type"));
    assert!(message.starts_with("Tool of type 'web_search' is not supported."));
    let many: Vec<Value> = (0..100)
        .map(|kind| json!({"type": format!("t{kind}")}))
        .collect();
    assert_eq!(drafted(&json!({"tools": many})).unknown_tools.len(), 16);
}

#[test]
fn the_model_chooses_as_it_is_told() {
    let tools = json!([
        {"type": "function", "name": "f"}, {"type": "function", "name": "g"},
        {"type": "mcp", "server_label": "s"}, {"type": "web_search"},
    ]);
    let of_server = |name: Option<&str>| ToolChoice::Server {
        label: "s".into(),
        name: name.map(Into::into),
    };
    for (choice, expected) in [
        (json!("auto"), ToolChoice::Auto),
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Required),
        (
            json!({"type": "function", "name": "g"}),
            ToolChoice::Named("g".into()),
        ),
        (json!({"type": "mcp", "server_label": "s"}), of_server(None)),
        (
            json!({"type": "mcp", "server_label": "s", "name": null}),
            of_server(None),
        ),
        (
            json!({"type": "mcp", "server_label": "s", "name": "t"}),
            of_server(Some("t")),
        ),
    ] {
        let draft = drafted(&json!({"tools": tools, "tool_choice": choice}));
        assert_eq!(draft.tool_choice, Some(expected));
        assert_eq!(draft.allowed_tools, None);
        assert_eq!(draft.echo.unwrap().to_value()["tool_choice"], choice);
    }
    for choice in [
        json!({"type": "web_search"}),
        json!({"type": "custom", "name": "c"}),
    ] {
        let draft = drafted(&json!({"tools": tools, "tool_choice": choice}));
        assert_eq!(draft.tool_choice, None);
        assert_eq!(draft.echo.unwrap().to_value().get("tool_choice"), None);
    }
    let hosted = json!({"tools": [{"type": "web_search"}], "tool_choice": "required"});
    assert_eq!(
        drafted(&hosted).tool_choice,
        None,
        "nothing is there to be required"
    );
}

#[test]
fn allowed_tools_are_the_only_ones() {
    let tools = json!([
        {"type": "function", "name": "f"}, {"type": "function", "name": "g"},
        {"type": "mcp", "server_label": "s"}, {"type": "web_search"},
    ]);
    let function = ToolName::Function("f".into());
    let server = |name: Option<&str>| ToolName::Server {
        label: "s".into(),
        name: name.map(Into::into),
    };
    for (mode, names, choice, allowed) in [
        (
            "auto",
            json!([{"type": "function", "name": "f"}]),
            ToolChoice::Auto,
            vec![function.clone()],
        ),
        (
            "required",
            json!([{"type": "mcp", "server_label": "s"}, {"type": "mcp", "server_label": "s", "name": "t"}]),
            ToolChoice::Required,
            vec![server(None), server(Some("t"))],
        ),
        (
            "required",
            json!([{"type": "web_search"}, {"type": "function", "name": "f"}]),
            ToolChoice::Required,
            vec![function.clone()],
        ),
        (
            "required",
            json!([{"type": "web_search"}]),
            ToolChoice::Auto,
            Vec::new(),
        ),
    ] {
        let choosing = json!({"type": "allowed_tools", "mode": mode, "tools": names});
        let draft = drafted(&json!({"tools": tools, "tool_choice": choosing}));
        assert_eq!(draft.tool_choice, Some(choice));
        assert_eq!(draft.allowed_tools, Some(allowed));
        assert_eq!(draft.echo.unwrap().to_value()["tool_choice"], choosing);
    }
}

/// Tools, the code of what is wrong with them, and the field at fault.
const TOOLS: &str = r#"
    {"tools": "f"} => invalid_type tools
    {"tools": {}} => invalid_type tools
    {"tools": ["f"]} => invalid_type tools[0]
    {"tools": [{"name": "f"}]} => missing_required_parameter tools[0].type
    {"tools": [{"type": 5}]} => invalid_type tools[0].type
    {"tools": [{"type": "function", "function": {"name": "f"}}]} => missing_required_parameter tools[0].name
    {"tools": [{"type": "web_search"}, {"type": "custom"}, {"type": "function", "name": 5}]} => invalid_type tools[2].name
    {"tools": [{"type": "function", "name": ""}]} => empty_string tools[0].name
    {"tools": [{"type": "function", "name": "é"}]} => invalid_value tools[0].name
    {"tools": [{"type": "function", "name": "LONG"}]} => string_above_max_length tools[0].name
    {"tools": [{"type": "function", "name": "f", "description": 5}]} => invalid_type tools[0].description
    {"tools": [{"type": "function", "name": "f", "parameters": "{}"}]} => invalid_type tools[0].parameters
    {"tools": [{"type": "function", "name": "f", "strict": "yes"}]} => invalid_type tools[0].strict
    {"tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "f"}]} => invalid_value tools[1].name
    {"tools": [{"type": "mcp"}]} => missing_required_parameter tools[0].server_label
    {"tools": [{"type": "mcp", "server_label": ""}]} => empty_string tools[0].server_label
    {"tools": [{"type": "mcp", "server_label": "LONG"}]} => string_above_max_length tools[0].server_label
    {"tools": [{"type": "mcp", "server_label": "s"}, {"type": "mcp", "server_label": "s"}]} => invalid_value tools[1].server_label
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": 5}]} => invalid_type tools[0].server_url
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "a.example"}]} => invalid_value tools[0].server_url
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "file:///etc"}]} => invalid_value tools[0].server_url
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://"}]} => invalid_value tools[0].server_url
    {"tools": [{"type": "mcp", "server_label": "s", "connector_id": "connector_gmail"}]} => unsupported_parameter tools[0].connector_id
    {"tools": [{"type": "mcp", "server_label": "s", "tunnel_id": "t", "server_url": "https://a"}]} => unsupported_parameter tools[0].tunnel_id
    {"tools": [{"type": "mcp", "server_label": "s", "allowed_tools": "a"}]} => invalid_type tools[0].allowed_tools
    {"tools": [{"type": "mcp", "server_label": "s", "allowed_tools": [5]}]} => invalid_type tools[0].allowed_tools[0]
    {"tools": [{"type": "mcp", "server_label": "s", "allowed_tools": {"tool_names": "a"}}]} => invalid_type tools[0].allowed_tools.tool_names
    {"tools": [{"type": "mcp", "server_label": "s", "allowed_tools": {"read_only": "a"}}]} => invalid_type tools[0].allowed_tools.read_only
    {"tools": [{"type": "mcp", "server_label": "s", "require_approval": true}]} => invalid_type tools[0].require_approval
    {"tools": [{"type": "mcp", "server_label": "s", "require_approval": "maybe"}]} => invalid_value tools[0].require_approval
    {"tools": [{"type": "mcp", "server_label": "s", "require_approval": {"never": []}}]} => invalid_type tools[0].require_approval.never
    {"tools": [{"type": "mcp", "server_label": "s", "require_approval": {"always": {"tool_names": [5]}}}]} => invalid_type tools[0].require_approval.always.tool_names[0]
    {"tools": [{"type": "mcp", "server_label": "s", "authorization": "t"}]} => unsupported_parameter tools[0].authorization
    {"tools": [{"type": "mcp", "server_label": "s", "headers": {}}]} => unsupported_parameter tools[0].headers
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "headers": ["a"]}]} => invalid_type tools[0].headers
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "headers": {"a": 5}}]} => invalid_type tools[0].headers.a
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "headers": {"a b": "c"}}]} => invalid_value tools[0].headers.a b
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "headers": {"a": "c\nd"}}]} => invalid_value tools[0].headers.a
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "authorization": 5}]} => invalid_type tools[0].authorization
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "authorization": "a\r\nb: c"}]} => invalid_value tools[0].authorization
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a", "authorization": "a", "headers": {"Authorization": "b"}}]} => invalid_value tools[0].authorization
"#;

/// Choices among a function `f` and a server `s`, the code of what is wrong, and the field at fault.
const CHOICES: &str = r#"
    5 => invalid_type tool_choice
    true => invalid_type tool_choice
    "any" => invalid_value tool_choice
    {} => missing_required_parameter tool_choice.type
    {"type": 5} => invalid_type tool_choice.type
    {"type": "function"} => missing_required_parameter tool_choice.name
    {"type": "function", "function": {"name": "f"}} => missing_required_parameter tool_choice.name
    {"type": "function", "name": 5} => invalid_type tool_choice.name
    {"type": "function", "name": "g"} => invalid_value tool_choice
    {"type": "mcp"} => missing_required_parameter tool_choice.server_label
    {"type": "mcp", "server_label": "t"} => invalid_value tool_choice
    {"type": "mcp", "server_label": "s", "name": 5} => invalid_type tool_choice.name
    {"type": "web_search"} => invalid_value tool_choice
    {"type": "custom", "name": "f"} => invalid_value tool_choice
    {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]} => missing_required_parameter tool_choice.mode
    {"type": "allowed_tools", "mode": "none", "tools": [{"type": "function", "name": "f"}]} => invalid_value tool_choice.mode
    {"type": "allowed_tools", "mode": "auto"} => missing_required_parameter tool_choice.tools
    {"type": "allowed_tools", "mode": "auto", "tools": {}} => invalid_type tool_choice.tools
    {"type": "allowed_tools", "mode": "auto", "tools": []} => empty_array tool_choice.tools
    {"type": "allowed_tools", "mode": "auto", "tools": ["f"]} => invalid_type tool_choice.tools[0]
    {"type": "allowed_tools", "mode": "auto", "tools": [{"name": "f"}]} => missing_required_parameter tool_choice.tools[0].type
    {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]} => invalid_value tool_choice.tools[1]
"#;

#[test]
fn a_fault_of_a_tool_has_its_code_and_its_place() {
    assert!(lines(TOOLS).count() > 35);
    for (fields, code, field) in lines(TOOLS) {
        let (found, about, message) = refused(read(&fields));
        assert_eq!((&*found, &*about), (code, field), "{fields}: {message}");
        assert!(message.len() < 300 && message.ends_with('.'), "{message}");
    }
}

#[test]
fn a_fault_of_a_choice_has_its_code_and_its_place() {
    assert!(lines(CHOICES).count() > 20);
    let tools = json!([{"type": "function", "name": "f"}, {"type": "mcp", "server_label": "s"}]);
    for (choice, code, field) in lines(CHOICES) {
        let fields = json!({"tools": tools, "tool_choice": choice});
        let (found, about, message) = refused(read(&fields));
        assert_eq!((&*found, &*about), (code, field), "{choice}: {message}");
    }
    let names = vec![json!({"type": "function", "name": "f"}); 129];
    let choice = json!({"type": "allowed_tools", "mode": "auto", "tools": names});
    let (code, field, _) = refused(read(&json!({"tools": tools, "tool_choice": choice})));
    assert_eq!(
        (&*code, &*field),
        ("array_above_max_length", "tool_choice.tools")
    );
    for tools in [
        json!({"tool_choice": "required"}),
        json!({"tools": [], "tool_choice": "required"}),
    ] {
        let (code, field, _) = refused(read(&tools));
        assert_eq!((&*code, &*field), ("invalid_value", "tool_choice"));
    }
}
