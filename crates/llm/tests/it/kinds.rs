//! What is sent for every kind of item and part, and for tools that callers bring.

use std::sync::Arc;

use response_domain::item::{
    ApprovalResponse, CallId, Compaction, Consent, FilePart, FunctionCallOutput, ItemBody,
    ListedTool, Part, Reasoning, Role, ToolList,
};
use response_domain::json::Json;
use response_domain::ports::llm::TurnMode;
use response_domain::spec::ToolChoice;
use response_domain::tool::ToolSpec;
use response_llm::Concession;

use crate::requests::{conceded, sent, with_tools};
use crate::server::{ModelServer, Reply};
use crate::show;
use crate::turns::{Transcript, answer, client, turn};

fn image(url: &str) -> Part {
    Part::Image {
        url: Arc::from(url),
        detail: None,
    }
}

/// A file from words like `name=a.pdf data=AAAA`.
fn file(words: &str) -> Part {
    let word = |key: &str| {
        let mut words = words.split_whitespace();
        let value = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        value.map(Arc::from)
    };
    Part::File(FilePart {
        name: word("name"),
        data: word("data"),
        url: word("url"),
        id: word("id"),
    })
}

fn returned(id: &str, output: &str, parts: Vec<Part>) -> ItemBody {
    ItemBody::FunctionCallOutput(FunctionCallOutput {
        parts,
        ..FunctionCallOutput::text(CallId(Arc::from(id)), output)
    })
}

/// Two calls whose outputs are more than text, and a third.
fn pictures() -> Transcript {
    Transcript::user("Look at both pages.")
        .calls(1, "a", "scrape", r#"{"q":"one"}"#)
        .calls(1, "b", "scrape", r#"{"q":"two"}"#)
        .calls(1, "c", "search", r#"{"q":"three"}"#)
        .add(
            1,
            returned(
                "b",
                "The page:\nbelow",
                vec![
                    Part::Text(Arc::from("The page:")),
                    image("data:image/png;base64,AA"),
                    Part::Text(Arc::from("below")),
                ],
            ),
        )
        .add(
            1,
            returned("a", "", vec![file("name=a.pdf data=AAAA"), image("jan_7")]),
        )
        .returns(1, "c", "nothing")
        .says(0, Role::User, "Well?")
}

#[tokio::test]
async fn what_tools_return_besides_text_stands_behind_the_round() {
    let turn = with_tools(pictures(), TurnMode::Streamed);
    insta::assert_snapshot!(sent(&turn).await);
}

#[tokio::test]
async fn what_tools_return_and_what_a_user_says_is_one_message_where_turns_are_wanted() {
    let turn = with_tools(pictures(), TurnMode::Streamed);
    let words = "Conversation roles must alternate user/assistant/user/assistant/...";
    insta::assert_snapshot!(conceded(&turn, 400, words, Concession::StrictTurns).await);
    let words = "System role not supported";
    let mut turn = with_tools(pictures(), TurnMode::Streamed);
    turn.transcript.remove(0);
    let body = conceded(&turn, 400, words, Concession::NoSystemRole).await;
    let first = r#""content":[{"type":"text","text":"You are \"Jan\"."},{"type":"text","text":"The call call00001"#;
    assert!(body.contains(first), "{body}");
}

#[tokio::test]
async fn files_are_sent_as_the_format_knows_them() {
    let content = vec![
        Part::Text(Arc::from("Read:")),
        file("name=a.pdf data=data:application/pdf;base64,AAAA"),
        file("name=notes.md data=SGVsbG8="),
        file("data=AAAA"),
        file("id=file-1"),
        file("name=b.pdf url=https://example.com/b.pdf"),
        file("url=https://example.com/c"),
    ];
    let turn = turn(
        Transcript::default().parts(Role::User, content),
        TurnMode::Streamed,
    );
    insta::assert_snapshot!(sent(&turn).await);
}

/// How servers say that they take no files.
const NO_FILES: &[(u16, &str)] = &[
    (
        400,
        "Unsupported chat content part type: 'file'. Supported types: ['text']",
    ),
    (501, "Unknown part type: file"),
    (500, "unsupported content[].type"),
    (
        400,
        "'content' objects must have a 'type' field that is either 'text' or 'image_url'.",
    ),
    (422, "messages[0]: unknown variant `file`, expected `text`"),
];

#[tokio::test]
async fn a_server_that_takes_no_files_is_told_what_stands_in_them() {
    let content = vec![
        Part::Text(Arc::from("Sum up:")),
        file("name=notes.md data=SGVsbG8="),
        file("data=data:text/plain,a%20b"),
    ];
    let turn = turn(
        Transcript::default().parts(Role::User, content),
        TurnMode::Streamed,
    );
    for (status, words) in NO_FILES {
        let body = conceded(&turn, *status, words, Concession::FilesAsText).await;
        let content = r#""content":"Sum up:\nFile \"notes.md\":\nHello\nFile:\na b""#;
        assert!(body.contains(content), "{body}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_told_as_text_is_refused_with_the_servers_word() {
    let content = vec![
        file("name=notes.md data=SGVsbG8="),
        file("name=a.pdf data=AP8="),
    ];
    let turn = turn(
        Transcript::default().parts(Role::User, content),
        TurnMode::Streamed,
    );
    let refusal = r#"{"error":"Unknown part type: file"}"#;
    let server = ModelServer::start(vec![Reply::json(400, refusal)]).await;
    let error = answer(&client(&server.url), &turn).await.unwrap_err();
    assert_eq!(
        error.message,
        "the model server refused the request with status 400"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_summary_is_read_as_what_went_before() {
    let summary = |text: &str| {
        ItemBody::Compaction(Compaction {
            text: Arc::from(text),
            sealed: Arc::from("sealed"),
        })
    };
    let transcript = Transcript::default()
        .says(0, Role::System, "Be brief.")
        .add(0, summary("Ada likes tea."))
        .add(0, summary(" "))
        .says(0, Role::User, "What do I like?");
    insta::assert_snapshot!(sent(&turn(transcript, TurnMode::Streamed)).await);
}

#[tokio::test]
async fn what_is_not_for_the_model_is_not_sent_and_parts_nothing() {
    let listed = ListedTool {
        name: Arc::from("hidden"),
        description: None,
        parameters: Json::empty_object(),
        annotations: None,
    };
    let transcript = Transcript::user("Hi")
        .thinks(1, "I need one thing.")
        .add(
            1,
            ItemBody::ToolList(ToolList {
                label: Arc::from("hidden"),
                tools: Ok(vec![listed]),
            }),
        )
        .says(1, Role::Assistant, "One moment.")
        .add(
            1,
            ItemBody::Foreign(Json::from_text(r#"{"type":"hidden"}"#.to_owned()).unwrap()),
        )
        .calls(1, "a", "search", "{}")
        .add(
            0,
            ItemBody::ApprovalResponse(ApprovalResponse {
                request: Arc::from("hidden"),
                consent: Consent::Given,
                reason: Some(Arc::from("hidden")),
            }),
        )
        .returns(1, "a", "found");
    let body = sent(&with_tools(transcript, TurnMode::Streamed)).await;
    assert!(!body.contains("hidden"), "{body}");
    for said in ["One moment.", "I need one thing.", "call00001\",\"type"] {
        assert!(body.contains(said), "{said} in {body}");
    }
    assert_eq!(body.matches("assistant").count(), 1, "{body}");
}

#[tokio::test]
async fn a_refusal_is_what_the_model_said() {
    let transcript = Transcript::user("Do it").parts(
        Role::Assistant,
        vec![Part::Refusal(Arc::from("I cannot do that."))],
    );
    let body = sent(&turn(transcript, TurnMode::Streamed)).await;
    let said = r#""content":"I cannot do that.""#;
    assert!(body.contains(said), "{body}");
    assert!(!body.contains("refusal"), "{body}");
}

#[tokio::test]
async fn of_reasoning_whose_text_nobody_has_its_summary_goes_back() {
    let summed = ItemBody::Reasoning(Reasoning {
        summary: vec![Arc::from("First this."), Arc::from("Then that.")],
        ..Reasoning::text("")
    });
    let transcript = Transcript::user("Hi")
        .add(1, summed)
        .calls(1, "a", "search", "{}")
        .returns(1, "a", "found")
        .thinks(2, "")
        .calls(2, "b", "search", "{}")
        .returns(2, "b", "found");
    let body = sent(&with_tools(transcript, TurnMode::Streamed)).await;
    assert!(
        body.contains(r#""reasoning_content":"First this.\n\nThen that.""#),
        "{body}"
    );
    assert_eq!(body.matches("reasoning_content").count(), 1, "{body}");
}

#[tokio::test]
async fn strictness_is_told_when_the_caller_told_it() {
    let mut turn = with_tools(Transcript::user("Hi"), TurnMode::Streamed);
    let strict = |name: &str, strict| {
        Arc::new(ToolSpec {
            strict,
            ..ToolSpec::clone(&show::tool(name))
        })
    };
    turn.tools = Arc::from([
        strict("one", Some(true)),
        strict("two", Some(false)),
        strict("three", None),
    ]);
    let body = sent(&turn).await;
    assert!(body.contains(r#""strict":true"#), "{body}");
    assert!(body.contains(r#""strict":false"#), "{body}");
    assert_eq!(body.matches("strict").count(), 2, "{body}");
    // A schema that says less than it did cannot be kept to the letter.
    let words = "failed to parse grammar";
    let body = conceded(&turn, 400, words, Concession::PlainSchemas).await;
    assert!(!body.contains("strict"), "{body}");
}

#[tokio::test]
async fn a_tool_of_a_server_that_must_be_called_is_any_that_is_offered() {
    let mut turn = with_tools(Transcript::user("Hi"), TurnMode::Streamed);
    turn.choice = ToolChoice::Server {
        label: Arc::from("web"),
        name: None,
    };
    let body = sent(&turn).await;
    assert!(body.contains(r#""tool_choice":"required""#), "{body}");
}
