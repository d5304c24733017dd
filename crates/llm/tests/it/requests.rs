//! What is sent: golden requests for rich transcripts, as they are and as servers that refuse them get them.

use std::sync::Arc;

use response_domain::item::{Part, Role};
use response_domain::json::Json;
use response_domain::ports::llm::{ModelTurn, TurnMode};
use response_domain::spec::{Controls, ToolChoice};
use response_domain::tool::ToolSpec;
use response_llm::Concession;

use crate::server::{ModelServer, Reply, says, stops};
use crate::show;
use crate::turns::{Transcript, answer, client, hello, spec, turn};

/// A conversation with everything in it.
fn rich() -> Transcript {
    let image = |url: &str, detail: Option<&str>| Part::Image {
        url: Arc::from(url),
        detail: detail.map(Arc::from),
    };
    let file = Json::from_text(r#"{"type":"file","file":{"file_id": "f1"}}"#.to_owned()).unwrap();
    Transcript::default()
        .says(0, Role::System, "Be brief.")
        .says(0, Role::Developer, "Be kind.")
        .says(0, Role::User, "Earlier?")
        .thinks(0, "Easy.")
        .says(0, Role::Assistant, "Yes.")
        .says(0, Role::System, "From now on in French.")
        .parts(
            Role::User,
            vec![
                Part::Text(Arc::from("Look:")),
                Part::Text(Arc::from("both")),
            ],
        )
        .parts(
            Role::User,
            vec![
                Part::Text(Arc::from("and this")),
                image("jan_1", None),
                image("data:image/png;base64,AA", Some("low")),
                Part::Other(file),
            ],
        )
        .thinks(1, "I need two things.")
        .says(1, Role::Assistant, "One moment.")
        .calls(1, "call_x", "search", r#"{"q": "a \"b\"\n"}"#)
        .calls(1, "call_x2", "scrape page", r#"{"url": "#)
        .returns(1, "call_x", "found\nit")
        .returns(1, "call_x2", "")
        .calls(2, "call_x", "functions.Search", "{}")
        .returns(2, "call_x", "nothing more")
}

pub(crate) fn with_tools(transcript: Transcript, mode: TurnMode) -> ModelTurn {
    let bare = ToolSpec {
        parameters: Json::from_text(
            r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#.to_owned(),
        )
        .unwrap(),
        description: None,
        ..ToolSpec::clone(&show::tool("scrape"))
    };
    let mut turn = turn(transcript, mode);
    turn.tools = Arc::from([show::tool("search"), Arc::new(bare)]);
    let mut spec = spec();
    spec.system_prompt = Some(Arc::from("You are \"Jan\"."));
    turn.spec = Arc::new(spec);
    turn
}

/// The request as a tree, so that the golden file is readable; the order of fields is the order sent.
fn pretty(body: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    for c in body.chars() {
        if in_string {
            text.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                text.push(c);
            }
            '{' | '[' if depth < 3 => {
                depth += 1;
                text.push(c);
                text.extend(["\n", &"  ".repeat(depth)]);
            }
            '{' | '[' => {
                depth += 1;
                text.push(c);
            }
            '}' | ']' => {
                if depth <= 3 {
                    text.extend(["\n", &"  ".repeat(depth - 1)]);
                }
                depth -= 1;
                text.push(c);
            }
            ',' if depth <= 3 => text.extend([",\n", &"  ".repeat(depth)]),
            c => text.push(c),
        }
    }
    text
}

pub(crate) fn done() -> Reply {
    Reply::events(&[&says("ok"), &stops("stop"), "[DONE]"])
}

/// The body that is sent for `turn`.
pub(crate) async fn sent(turn: &ModelTurn) -> String {
    let server = ModelServer::start(vec![done()]).await;
    answer(&client(&server.url), turn).await.unwrap();
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].path(), "/v1/chat/completions");
    pretty(&received[0].body)
}

#[tokio::test]
async fn a_rich_transcript_becomes_messages_that_most_servers_take() {
    insta::assert_snapshot!(sent(&with_tools(rich(), TurnMode::Streamed)).await);
}

#[tokio::test]
async fn a_short_question_is_a_short_request() {
    insta::assert_snapshot!(sent(&hello()).await);
}

#[tokio::test]
async fn controls_are_sent_when_given_and_to_the_letter() {
    let json = |text: &str| Some(Json::from_text(text.to_owned()).unwrap());
    let mut turn = with_tools(Transcript::user("Hi"), TurnMode::Whole);
    let mut spec = spec();
    spec.controls = Controls {
        temperature: Some(0.2),
        top_p: Some(1.0),
        max_tokens: Some(50),
        presence_penalty: Some(-0.5),
        frequency_penalty: Some(0.0),
        seed: Some(-7),
        stop: json(r#"["a", "b"]"#),
        response_format: json(r#"{"type": "json_object"}"#),
        parallel_tool_calls: Some(false),
        reasoning_effort: Some(Arc::from("high")),
        verbosity: Some(Arc::from("low")),
    };
    turn.spec = Arc::new(spec);
    turn.choice = ToolChoice::Named(Arc::from("search"));
    insta::assert_snapshot!(sent(&turn).await);
}

#[tokio::test]
async fn tools_that_may_not_be_called_are_named_only_when_they_were_called() {
    let mut turn = with_tools(Transcript::user("Hi"), TurnMode::Streamed);
    turn.choice = ToolChoice::None;
    assert!(!sent(&turn).await.contains("tool"));
    let mut turn = with_tools(rich(), TurnMode::Streamed);
    turn.choice = ToolChoice::None;
    assert!(sent(&turn).await.contains(r#""tool_choice":"none""#));
    turn.choice = ToolChoice::Required;
    assert!(sent(&turn).await.contains(r#""tool_choice":"required""#));
}

#[tokio::test]
async fn an_output_stands_behind_its_call_and_what_has_no_partner_is_left_out() {
    let transcript = Transcript::user("Hi")
        .calls(0, "a", "search", "{}")
        .calls(0, "lost", "search", "{}")
        .calls(0, "b", "scrape", "{}")
        .says(0, Role::User, "Meanwhile")
        .returns(0, "b", "of b")
        .returns(0, "nobody", "of nobody")
        .returns(0, "a", "of a")
        .thinks(3, "only thought")
        .says(4, Role::Assistant, " ");
    insta::assert_snapshot!(sent(&turn(transcript, TurnMode::Streamed)).await);
}

/// What is sent to a server that refuses with these words what it is sent first.
pub(crate) async fn conceded(
    turn: &ModelTurn,
    status: u16,
    words: &str,
    concession: Concession,
) -> String {
    let body = format!(r#"{{"error":{{"message":"{words}"}}}}"#);
    let server = ModelServer::start(vec![Reply::json(status, &body), done()]).await;
    let client = client(&server.url);
    let deltas = show::lines(&answer(&client, turn).await.unwrap());
    let note = format!("note request_adapted: {}\n", concession.as_str());
    assert!(deltas.starts_with(&note), "{deltas}");
    // The next turn is not refused first.
    answer(&client, turn).await.unwrap();
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert_ne!(received[0].body, received[1].body);
    assert_eq!(received[1].body, received[2].body);
    pretty(&received[1].body)
}

#[tokio::test]
async fn a_server_that_refuses_stream_options_is_asked_without_them() {
    let words = "Unrecognized request argument: stream_options";
    let body = conceded(&hello(), 400, words, Concession::NoStreamOptions).await;
    insta::assert_snapshot!(body);
}

#[tokio::test]
async fn a_server_that_wants_one_system_message_first_gets_it() {
    let turn = with_tools(rich(), TurnMode::Streamed);
    let words = "System message must be at the beginning.";
    insta::assert_snapshot!(conceded(&turn, 500, words, Concession::StrictTurns).await);
}

#[tokio::test]
async fn a_server_without_a_system_role_is_told_in_the_users_words() {
    let turn = with_tools(rich(), TurnMode::Streamed);
    let words = "System role not supported";
    insta::assert_snapshot!(conceded(&turn, 400, words, Concession::NoSystemRole).await);
    let alone = turn_of_instructions();
    let body = conceded(&alone, 400, words, Concession::NoSystemRole).await;
    assert!(body.contains(r#""content":"Only this.""#), "{body}");
    assert!(body.contains(r#""role":"user""#), "{body}");
}

fn turn_of_instructions() -> ModelTurn {
    turn(
        Transcript::default().says(0, Role::System, "Only this."),
        TurnMode::Streamed,
    )
}

#[tokio::test]
async fn a_server_that_refuses_empty_content_gets_none() {
    let turn = with_tools(rich(), TurnMode::Streamed);
    let words = "messages: text content blocks must be non-empty";
    let body = conceded(&turn, 400, words, Concession::NoEmptyContent).await;
    assert!(body.contains(r#""content":null"#), "{body}");
    assert!(body.contains(r#""content":"(empty)""#), "{body}");
    assert!(!body.contains(r#""content":"""#), "{body}");
}

#[tokio::test]
async fn reasoning_goes_back_as_the_server_wants_it() {
    let turn = with_tools(rich(), TurnMode::Streamed);
    let words = "The `reasoning_content` in the thinking mode must be passed back to the API.";
    let body = conceded(&turn, 400, words, Concession::EveryReasoning).await;
    assert!(body.contains(r#""reasoning_content":"Easy.""#), "{body}");
    assert!(
        body.contains(r#""reasoning_content":"I need two things.""#),
        "{body}"
    );
    assert!(
        body.contains(r#""reasoning_content":"Step 3: search.""#),
        "{body}"
    );
    let words = "messages.3.reasoning_content: Extra inputs are not permitted";
    let body = conceded(&turn, 422, words, Concession::NoReasoning).await;
    assert!(!body.contains("reasoning_content"), "{body}");
}

#[tokio::test]
async fn a_server_that_cannot_hold_a_schema_gets_a_plain_one() {
    let turn = with_tools(Transcript::user("Hi"), TurnMode::Streamed);
    let words = "failed to parse grammar: unknown escape";
    let body = conceded(&turn, 400, words, Concession::PlainSchemas).await;
    assert!(body.contains(r#""q":{"type":"string"}"#), "{body}");
}

#[tokio::test]
async fn a_limit_of_tokens_has_the_name_that_the_server_wants() {
    let mut turn = hello();
    let mut spec = spec();
    spec.controls.max_tokens = Some(9);
    turn.spec = Arc::new(spec);
    let words = "Use 'max_completion_tokens' instead of 'max_tokens'.";
    let body = conceded(&turn, 400, words, Concession::MaxCompletionTokens).await;
    assert!(body.contains(r#""max_completion_tokens":9"#), "{body}");
    assert!(!body.contains(r#""max_tokens""#), "{body}");
}

#[tokio::test]
async fn several_concessions_are_found_one_after_another_and_a_useless_one_is_not_kept() {
    let refusals = [
        Reply::json(400, r#"{"error":"stream_options"}"#),
        Reply::json(
            500,
            r#"{"error":"System message must be at the beginning"}"#,
        ),
        done(),
    ];
    let server = ModelServer::start(refusals.to_vec()).await;
    let lines = show::lines(&answer(&client(&server.url), &hello()).await.unwrap());
    assert!(
        lines.starts_with("note request_adapted: no_stream_options, strict_turns\n"),
        "{lines}"
    );

    let always = ModelServer::start(vec![Reply::json(400, r#"{"error":"stream_options"}"#)]).await;
    let client = client(&always.url);
    for _ in 0..2 {
        let error = answer(&client, &hello()).await.unwrap_err();
        assert_eq!(
            error.message,
            "the model server refused the request with status 400"
        );
    }
    let bodies: Vec<bool> = always
        .received()
        .iter()
        .map(|received| received.body.contains("stream_options"))
        .collect();
    assert_eq!(bodies, [true, false, true, false]);
}
