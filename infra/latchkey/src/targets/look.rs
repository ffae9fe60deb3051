//! `latchkey targets look`: the catalog is told to look now.

use crate::answer::{Refusal, Report};
use crate::operator::Operator;
use crate::stack::fault;
use broker::queue::CatalogMessage;
use broker::subject::SubjectId;
use broker::target::TargetName;
use serde::Serialize;
use std::fmt;

/// That it was told.
#[derive(Debug, Serialize)]
pub struct Looked {
    /// At what it looks.
    pub name: String,
    /// What comes of it is seen by this.
    pub see: String,
}

impl Operator {
    /// Tells the catalog to look at a target now: because an operator wants it, or as if `subject` had
    /// just consented.
    pub async fn look_again(
        &self,
        name: &TargetName,
        subject: Option<SubjectId>,
    ) -> Result<Looked, Refusal> {
        let Some(stack) = self.stack() else {
            return Err(Refusal::usage(
                "`latchkey local` has no catalog",
                "Connect the server again with --tools FILE.",
            ));
        };
        self.known(name).await?;
        let queue = stack.needed("CatalogQueueUrl")?;
        let client = aws_sdk_sqs::Client::new(stack.config());
        let body = CatalogMessage { subject, target: name.clone() }.to_body();
        let sent = client.send_message().queue_url(queue).message_body(body).send().await;
        sent.map_err(|error| fault::of("SQS", &error))?;
        Ok(Looked { name: name.to_string(), see: self.command("targets") })
    }
}

impl Report for Looked {}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, see } = self;
        write!(f, "The catalog looks at {name} in a moment. See what came of it: {see}")
    }
}
