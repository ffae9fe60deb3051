//! `Retry-After`: <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// For how long a server wants to be left alone: a number of seconds, or a date, which is held
/// against the server's own, so that it does not matter what our clocks say.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |name| httpdate::parse_http_date(text(name)?).ok();
    let written = text(RETRY_AFTER)?;
    let wait = if written.bytes().all(|byte| byte.is_ascii_digit()) && !written.is_empty() {
        // What is no number is longer than any.
        written.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        date(RETRY_AFTER)?.duration_since(date(DATE)?).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

/// Nobody can stop us for a day by a typing error.
const LONGEST: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    const DATED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn seconds(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        read(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn t7_seconds_are_read_up_to_an_hour() {
        for (written, read) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("3600", Some(3600)),
            ("3601", Some(3600)),
            ("99999999999999999999999999", Some(3600)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("\u{661}", None),
        ] {
            assert_eq!(seconds(written, None), read, "{written}");
        }
        assert_eq!(read(&HeaderMap::new()), None);
    }

    #[test]
    fn t7_a_date_is_held_against_the_servers_own() {
        for (written, read) in [
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3600)),
            ("Mon, 07 Nov 1994", None),
        ] {
            assert_eq!(seconds(written, Some(DATED)), read, "{written}");
        }
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT", Some("today")), None);
    }
}
