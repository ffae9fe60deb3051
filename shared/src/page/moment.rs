//! Moments, as people and as browsers read them.

use crate::clock::unix_seconds;
use std::fmt;
use std::time::SystemTime;

/// A moment in UTC: where the person is, we do not know.
#[derive(Clone, Copy)]
pub struct Moment {
    year: u64,
    month: u64,
    day: u64,
    minutes: u64,
}

impl Moment {
    /// The Gregorian calendar by eras of 400 years, each of which begins on a first of March.
    /// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    pub fn new(time: SystemTime) -> Self {
        let seconds = unix_seconds(time);
        let days = seconds / SECONDS_A_DAY + DAYS_FROM_YEAR_0_TO_1970;
        let (era, day_of_era) = (days / DAYS_AN_ERA, days % DAYS_AN_ERA);
        let leaps = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
        let year_of_era = (day_of_era - leaps) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let (month, next) = match month_from_march {
            0..=9 => (month_from_march + 3, 0),
            _ => (month_from_march - 9, 1),
        };
        let year = era * 400 + year_of_era + next;
        Self { year, month, day, minutes: seconds % SECONDS_A_DAY / 60 }
    }

    /// As the `datetime` of a `time` element:
    /// <https://html.spec.whatwg.org/multipage/text-level-semantics.html#the-time-element>
    pub fn machine(self) -> String {
        let Self { year, month, day, minutes } = self;
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}Z", minutes / 60, minutes % 60)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, minutes } = self;
        let month = usize::try_from(*month - 1).ok().and_then(|month| MONTHS.get(month));
        let month = month.unwrap_or(&"");
        write!(f, "{day} {month} {year}, {:02}:{:02} UTC", minutes / 60, minutes % 60)
    }
}

const SECONDS_A_DAY: u64 = 86_400;
const DAYS_AN_ERA: u64 = 146_097;
const DAYS_FROM_YEAR_0_TO_1970: u64 = 719_468;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_unix_seconds;

    #[test]
    fn dates_are_the_calendars() {
        for (seconds, machine, people) in [
            (0, "1970-01-01T00:00Z", "1 January 1970, 00:00 UTC"),
            (951_782_399, "2000-02-28T23:59Z", "28 February 2000, 23:59 UTC"),
            (951_782_400, "2000-02-29T00:00Z", "29 February 2000, 00:00 UTC"),
            (951_868_800, "2000-03-01T00:00Z", "1 March 2000, 00:00 UTC"),
            (1_709_251_199, "2024-02-29T23:59Z", "29 February 2024, 23:59 UTC"),
            (1_798_761_599, "2026-12-31T23:59Z", "31 December 2026, 23:59 UTC"),
            (1_798_761_600, "2027-01-01T00:00Z", "1 January 2027, 00:00 UTC"),
            (1_800_000_000, "2027-01-15T08:00Z", "15 January 2027, 08:00 UTC"),
            (4_107_542_400, "2100-03-01T00:00Z", "1 March 2100, 00:00 UTC"),
        ] {
            let moment = Moment::new(from_unix_seconds(seconds));
            assert_eq!(moment.machine(), machine);
            assert_eq!(moment.to_string(), people);
        }
    }
}
