//! What came of it.

use super::replacement::arn;
use super::{Difference, Wish};
use crate::answer::{Refusal, Report};
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::GetGatewayOutput;
use aws_sdk_bedrockagentcorecontrol::types::AuthorizerType;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;

/// What is different at the gateway, and what its role needs.
#[derive(Debug, Serialize)]
pub struct Attached {
    /// The gateway.
    pub gateway: String,
    /// Whether the interceptor is taken off, and not attached.
    pub removed: bool,
    /// Whether it was done.
    pub done: bool,
    /// Whether the gateway has not called this function, of this alias, so far. Nothing shows then
    /// that its role may.
    pub is_new: bool,
    /// What is different.
    pub differences: Vec<Difference>,
    /// Where the former configuration is saved.
    pub backup: Option<String>,
    /// The statement that the gateway's role needs.
    pub statement: Value,
    /// The gateway's role.
    pub role: Option<String>,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

impl Attached {
    pub(super) fn new(found: &GetGatewayOutput, ours: &str, wish: &Wish) -> Self {
        let mut notes = Vec::new();
        if found.authorizer_type != AuthorizerType::CustomJwt {
            notes.push(format!(
                "The gateway's authorizer is {}: only with CUSTOM_JWT does a caller bring a token that \
                 says who they are. All others are refused.",
                found.authorizer_type.as_str()
            ));
        }
        let there = found.interceptor_configurations();
        Self {
            gateway: found.gateway_id.clone(),
            removed: wish.remove,
            done: false,
            is_new: !wish.remove && !there.iter().any(|there| arn(there) == Some(ours)),
            differences: Vec::new(),
            backup: None,
            statement: json!({
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": ours,
            }),
            role: found.role_arn.clone(),
            notes,
        }
    }
}

impl Report for Attached {}

impl fmt::Display for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gateway = &self.gateway;
        let what = if self.removed { "off" } else { "attached to" };
        match (self.differences.is_empty(), self.done) {
            (true, _) if self.removed => write!(f, "The interceptor is not at {gateway}.")?,
            (true, _) => write!(f, "The interceptor is attached to {gateway} already.")?,
            (false, true) => write!(f, "The interceptor is {what} {gateway}.")?,
            (false, false) => {
                let role = if self.is_new { " --role-allowed" } else { "" };
                write!(
                    f,
                    "This would change at {gateway}; nothing was changed. Repeat the command with \
                     --yes{role} to do it."
                )?;
            }
        }
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))?;
        if let Some(backup) = &self.backup {
            write!(f, "\n  all else stays; the former configuration is saved in {backup}")?;
        }
        if !self.removed {
            self.write_permission(f)?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n\nNote: {note}"))
    }
}

impl Attached {
    /// Why nothing is written yet: without the permission each message of all the gateway's targets
    /// would end in an error.
    pub(super) fn role_first(&self) -> Refusal {
        let role = self.role.as_deref().unwrap_or("the gateway's role");
        Refusal {
            kind: "role_not_allowed",
            ..Refusal::usage(
                format!(
                    "{role} has to be allowed to call the interceptor first: {}; nothing was changed",
                    self.statement
                ),
                format!(
                    "Without it every call of every target at {} fails.{} When it is there, repeat the \
                     command with --yes --role-allowed.",
                    self.gateway,
                    self.grant().map(|grant| format!(" Add it: {grant}")).unwrap_or_default()
                ),
            )
        }
    }

    /// The gateway calls the function as its own role: the function's policy does not stand in for it.
    fn write_permission(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = if self.is_new && !self.done { "First the" } else { "The" };
        write!(f, "\n\n{first} gateway's role has to be allowed to call it, or every call fails:")?;
        write!(f, "\n  {}", self.statement)?;
        match self.grant() {
            Some(grant) => write!(f, "\nIf it is not yet:\n  {grant}"),
            None => Ok(()),
        }
    }

    /// The command that adds the statement, where the role is known.
    fn grant(&self) -> Option<String> {
        let role = self.role.as_deref()?.rsplit('/').next()?;
        let policy = json!({ "Version": "2012-10-17", "Statement": [self.statement] });
        Some(format!(
            "aws iam put-role-policy --role-name {role} --policy-name latchkey-interceptor \
             --policy-document '{policy}'"
        ))
    }
}
