//! What is told once everything runs: what is where, and what to try first.

use std::fmt;

use super::StandIns;
use super::plan::{Plan, Workers};

/// What is where.
#[derive(Debug)]
pub(super) struct Advice {
    rows: Vec<(&'static str, String, String)>,
    gateway: u16,
    webhook: String,
}

impl Advice {
    pub(super) fn of(plan: &Plan, stand_ins: &StandIns) -> Self {
        let gateway = stand_ins.gateway_port(plan);
        let mut rows = vec![
            (
                "service",
                format!("http://{}", plan.reach()),
                format!("responses are kept in {}", plan.store),
            ),
            (
                "gateway",
                format!("http://localhost:{gateway}"),
                "/responses/* is the service, /llm/auth/guest-login gives a token".to_owned(),
            ),
        ];
        rows.push(workers(plan.workers));
        let mut stand_in = |name, url: Option<String>, variable: &str, what: &str| {
            rows.push(match url {
                Some(url) => (name, url, format!("{what}; set {variable} for a real one")),
                None => (name, "as your settings say".to_owned(), String::new()),
            });
        };
        let address = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        stand_in(
            "model",
            stand_ins.model.as_ref().map(|model| address(model.url())),
            "RESPONSE_LLM_API_URL",
            "a stand-in that follows rules",
        );
        stand_in(
            "tools",
            stand_ins.tools.as_ref().map(|tools| address(tools.url())),
            "RESPONSE_MCP_TOOLS_URL",
            "a stand-in with small real tools",
        );
        let receiver = address(stand_ins.receiver.url());
        let webhook = format!("{receiver}/webhook");
        rows.push((
            "webhooks",
            webhook.clone(),
            format!("shown here as they come; {}", plan.signing.told()),
        ));
        Self {
            rows,
            gateway,
            webhook,
        }
    }
}

/// Who works on background responses.
fn workers(workers: Workers) -> (&'static str, String, String) {
    let (place, note) = match workers {
        Workers::Service(count) | Workers::ServiceTold(count) => (
            "in the service",
            format!("{count} at once; BACKGROUND_WORKER_COUNT changes that"),
        ),
        Workers::Nobody => (
            "none",
            "background responses wait, as your settings say".to_owned(),
        ),
    };
    ("workers", place.to_owned(), note)
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nThe Response API is up. Ctrl-C ends everything.\n")?;
        for (name, url, note) in &self.rows {
            let line = format!("  {name:<8} {url:<30} {note}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let receiver = self.webhook.trim_end_matches("/webhook");
        let commands = COMMANDS
            .replace("localhost:8000", &format!("localhost:{}", self.gateway))
            .replace("http://localhost:9000", receiver);
        write!(f, "\nTo try in a second terminal:\n\n{commands}")
    }
}

/// The first commands, as the API's own documentation has them.
const COMMANDS: &str = r#"# Get guest token
TOKEN=$(curl -s -X POST http://localhost:8000/llm/auth/guest-login | jq -r '.access_token')

# Create a response: the model searches, then answers
curl -X POST http://localhost:8000/responses/v1/responses \
 -H "Authorization: Bearer $TOKEN" \
 -H "Content-Type: application/json" \
 -d '{
 "model": "jan-v2-30b",
 "input": "Search for the latest AI news and summarize the top 3 results",
 "temperature": 0.3,
 "tool_choice": {"type": "auto"},
 "stream": false
 }'

# The same, streamed
curl -N http://localhost:8000/responses/v1/responses \
 -H "Authorization: Bearer $TOKEN" \
 -H "Content-Type: application/json" \
 -H "Accept: text/event-stream" \
 -d '{
 "model": "jan-v2-30b",
 "input": "Search for the latest AI news and summarize the top 3 results",
 "stream": true
 }'

# The same in the background: answered at once
curl -X POST http://localhost:8000/responses/v1/responses \
 -H "Authorization: Bearer $TOKEN" \
 -H "Content-Type: application/json" \
 -d '{
 "model": "jan-v2-30b",
 "input": "Search for the latest AI news and summarize the top 3 results",
 "background": true
 }'

# The same, told to a webhook when it has ended
curl -X POST http://localhost:8000/responses/v1/responses \
 -H "Authorization: Bearer $TOKEN" \
 -H "Content-Type: application/json" \
 -d '{
 "model": "jan-v2-30b",
 "input": "Write a haiku about coding",
 "background": true,
 "metadata": {"webhook_url": "http://localhost:9000/webhook"}
 }'

# What was told so far
curl http://localhost:9000/received

# With the id that the answer has
ID=resp_01hqr8v9k2x3f4g5h6j7k8m9n0

# Read along what it does in the background, from the first event on
curl -N -H "Authorization: Bearer $TOKEN" \
 "http://localhost:8000/responses/v1/responses/$ID?stream=true"

# Get it, and the items that were sent to the model
curl -H "Authorization: Bearer $TOKEN" \
 http://localhost:8000/responses/v1/responses/$ID
curl -H "Authorization: Bearer $TOKEN" \
 http://localhost:8000/responses/v1/responses/$ID/input_items

# Cancel it while it runs, and delete it
curl -X POST -H "Authorization: Bearer $TOKEN" \
 http://localhost:8000/responses/v1/responses/$ID/cancel
curl -X DELETE -H "Authorization: Bearer $TOKEN" \
 http://localhost:8000/responses/v1/responses/$ID

# Health
curl http://localhost:8000/responses/healthz
"#;
