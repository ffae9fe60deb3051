//! A sealed, expiring note of who was asked to connect.

use crate::clock::{from_unix_seconds, unix_seconds};
use crate::seal::{self, KeyRing, Owner, SealError};
use crate::subject::SubjectId;
use crate::target::TargetName;
use std::time::{Duration, SystemTime};

/// How long a connect link can be used. Consent itself takes seconds; a person may come back to a
/// chat message later.
pub const TICKET_LIFETIME: Duration = Duration::from_mins(30);

/// Who was asked to connect, for one target, until when. It names the subject to the connect page
/// and proves nothing: the browser's own sign-in does. It carries no personal data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ticket {
    subject: [u8; 15],
    expires: SystemTime,
}

impl Ticket {
    /// A ticket for `subject`, good for [`TICKET_LIFETIME`].
    pub fn new(subject: &SubjectId, now: SystemTime) -> Self {
        Self { subject: subject.short(), expires: now + TICKET_LIFETIME }
    }

    /// Whether it was made out to `subject`.
    pub fn names(&self, subject: &SubjectId) -> bool {
        self.subject == subject.short()
    }

    /// The ticket as 64 characters that open only at `target`.
    pub fn seal(&self, ring: &KeyRing, target: &TargetName) -> Result<String, SealError> {
        // 1 + 12 + (15 + 4) + 16 bytes are 64 characters: short enough to be read in a chat.
        let seconds = u32::try_from(unix_seconds(self.expires)).map_err(|_| SealError)?;
        let mut plain = self.subject.to_vec();
        plain.extend_from_slice(&seconds.to_be_bytes());
        Ok(seal::text(&ring.seal(&owner(target), &plain)?))
    }

    /// Reads a ticket for `target` that has not expired.
    pub fn open(
        ring: &KeyRing,
        target: &TargetName,
        ticket: &str,
        now: SystemTime,
    ) -> Result<Self, TicketError> {
        let plain = seal::bytes(ticket)
            .and_then(|sealed| ring.open(&owner(target), &sealed).ok())
            .ok_or(TicketError::Unreadable)?;
        let (subject, seconds) = plain.split_at_checked(15).ok_or(TicketError::Unreadable)?;
        let subject = subject.try_into().map_err(|_| TicketError::Unreadable)?;
        let seconds = seconds.try_into().map_err(|_| TicketError::Unreadable)?;
        let expires = from_unix_seconds(u32::from_be_bytes(seconds).into());
        if now < expires { Ok(Self { subject, expires }) } else { Err(TicketError::Expired) }
    }
}

/// Why a ticket is of no use. Either way the person asks their agent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TicketError {
    /// It was good once.
    #[error("the ticket has expired")]
    Expired,
    /// It was not made by us, or not for this target.
    #[error("the ticket cannot be read")]
    Unreadable,
}

fn owner(target: &TargetName) -> Owner {
    Owner::new("ticket", &[target.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use std::time::UNIX_EPOCH;

    fn ring() -> KeyRing {
        KeyRing::for_browsers(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
    }

    fn alice() -> SubjectId {
        Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
    }

    #[test]
    fn e11_is_64_characters_for_one_target_and_a_while() {
        let now = UNIX_EPOCH + Duration::from_hours(500_000);
        let (notes, files) = ("notes".parse().unwrap(), "files".parse().unwrap());
        let text = Ticket::new(&alice(), now).seal(&ring(), &notes).unwrap();

        assert_eq!(text.len(), 64);
        assert!(Ticket::open(&ring(), &notes, &text, now).unwrap().names(&alice()));
        let late = now + TICKET_LIFETIME;
        assert_eq!(Ticket::open(&ring(), &notes, &text, late), Err(TicketError::Expired));
        assert_eq!(Ticket::open(&ring(), &files, &text, now), Err(TicketError::Unreadable));
        assert_eq!(Ticket::open(&ring(), &notes, "", now), Err(TicketError::Unreadable));
    }
}
