//! Whether the deployment answers at its own address: without that nobody can consent, and no
//! authorization server can read who we are.

use super::Stack;
use crate::answer::Refusal;
use aws_sdk_bedrockagentcorecontrol::primitives::{DateTime, DateTimeFormat};
use broker::config::BaseUrl;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use std::time::SystemTime;

/// How the deployment answered.
pub(crate) struct Served {
    /// What the server's clock says.
    pub(crate) date: Option<SystemTime>,
}

impl Stack {
    /// Refuses if `path` is not answered by our own function. What it answers there does not matter: it
    /// may not know the target yet.
    pub(crate) async fn serves(&self, base_url: &BaseUrl, path: &str) -> Result<Served, Refusal> {
        let url = format!("{}{path}", base_url.as_str());
        let not_served = |why: String| {
            Refusal::new(
                "not_served",
                format!("{url} is not answered by the deployment: {why}"),
                "Look at the parameter BaseUrl, and whether its name and certificate lead to the \
                 stack's HTTP API, with no redirect and with every path.",
            )
        };
        let request = Request::get(&url).body(Vec::new());
        let request = request.map_err(|error| not_served(error.to_string()))?;
        let answer = self.inbound().send(request).await;
        let answer = answer.map_err(|error| not_served(error.to_string()))?;
        let (status, headers) = (answer.status(), answer.headers());
        if status.is_server_error() {
            let problem = format!("{url} answers {status}");
            return Err(Refusal {
                remedy: "Look into the log of the function for authorization, then run it again."
                    .to_owned(),
                ..Refusal::try_again(problem)
            });
        }
        let document = status == StatusCode::OK && says(headers, "application/json");
        // API Gateway's own refusals are no pages.
        let page = says(headers, "text/html") && headers.contains_key(CONTENT_SECURITY_POLICY);
        if !document && !page {
            return Err(not_served(format!("what answers {status} is something else")));
        }
        let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
        Ok(Served { date: date.and_then(read_date) })
    }
}

fn says(headers: &HeaderMap, kind: &str) -> bool {
    let content = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content.is_some_and(|content| content.starts_with(kind))
}

fn read_date(text: &str) -> Option<SystemTime> {
    DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?.try_into().ok()
}
