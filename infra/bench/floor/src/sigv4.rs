//! AWS Signature Version 4 of one kind of request: a POST of JSON to `/`.

use aws_lc_rs::{digest, hmac};
use std::fmt::Write;

/// Signs for one service. The key of a day is derived once.
pub(crate) struct Signer {
    service: &'static str,
    media_type: &'static str,
    region: String,
    access_key: String,
    secret_key: String,
    session_token: String,
    key: Option<(u64, hmac::Key)>,
}

impl Signer {
    pub(crate) fn new(
        service: &'static str,
        media_type: &'static str,
        settings: &crate::settings::Settings,
    ) -> Self {
        Self {
            service,
            media_type,
            region: settings.region.clone(),
            access_key: settings.access_key.clone(),
            secret_key: settings.secret_key.clone(),
            session_token: settings.session_token.clone(),
            key: None,
        }
    }

    /// The whole request for `operation` at `now`.
    pub(crate) fn request(&mut self, host: &str, operation: &str, body: &str, now: u64) -> String {
        let (day, seconds) = (now / DAY, now % DAY);
        let date = date(day);
        let time =
            format!("{date}T{:02}{:02}{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let Self { service, region, access_key, session_token, media_type, .. } = self;
        let headers = format!(
            "content-type:{media_type}\nhost:{host}\nx-amz-date:{time}\n\
             x-amz-security-token:{session_token}\nx-amz-target:{operation}\n"
        );
        let hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
        let canonical = format!("POST\n/\n\n{headers}\n{SIGNED}\n{hash}");
        let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let credential = format!("{access_key}/{scope}");
        let string = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\nX-Amz-Date: {time}\r\n\
             X-Amz-Security-Token: {session_token}\r\nX-Amz-Target: {operation}\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        let signature = hex(hmac::sign(self.key(day, &date), string.as_bytes()).as_ref());
        format!(
            "{head}Authorization: AWS4-HMAC-SHA256 Credential={credential}, \
             SignedHeaders={SIGNED}, Signature={signature}\r\n\r\n{body}"
        )
    }

    fn key(&mut self, day: u64, date: &str) -> &hmac::Key {
        if self.key.as_ref().is_some_and(|(of, _)| *of != day) {
            self.key = None;
        }
        let (_, key) = self.key.get_or_insert_with(|| {
            let first =
                hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", self.secret_key).as_bytes());
            let parts = [date, &self.region, self.service, "aws4_request"];
            let key = parts.iter().fold(first, |key, part| {
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
            });
            (day, key)
        });
        key
    }
}

/// `YYYYMMDD`, by the days since 1970 (Howard Hinnant's `civil_from_days`, for days after 1970).
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = years + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const DAY: u64 = 86_400;
const SIGNED: &str = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_date() {
        for (days, text) in
            [(0, "19700101"), (11_016, "20000229"), (19_782, "20240229"), (20_454, "20260101")]
        {
            assert_eq!(date(days), text);
        }
    }
}
