use super::*;
use crate::clock::NoRandomness;
use std::time::UNIX_EPOCH;

/// The same byte, again and again.
struct Always(u8);

impl Random for Always {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        bytes.fill(self.0);
        Ok(())
    }
}

fn at(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds)
}

fn name(name: &str) -> TargetName {
    name.parse().unwrap()
}

#[test]
fn one_failing_target_slows_no_other() {
    let breakers = Breakers::new(Always(255));
    breakers.failed(&name("notes"), at(0), None);
    assert_eq!(breakers.admit(&name("notes"), at(999)), Err(at(1000)));
    assert_eq!(breakers.admit(&name("files"), at(0)), Ok(()));
    assert_eq!(breakers.open_until(&name("files"), at(0)), None);
}

#[test]
fn pauses_double_up_to_a_minute_and_an_answer_ends_them() {
    let (breakers, notes) = (Breakers::new(Always(255)), name("notes"));
    let mut now = at(0);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        breakers.failed(&notes, now, None);
        let until = now + Duration::from_secs(seconds);
        assert_eq!(breakers.open_until(&notes, now), Some(until));
        assert_eq!(breakers.admit(&notes, until), Ok(()));
        now = until;
    }
    breakers.answered(&notes);
    assert_eq!(breakers.open_until(&notes, now), None);
    breakers.failed(&notes, now, None);
    assert_eq!(breakers.open_until(&notes, now), Some(now + Duration::from_secs(1)));
}

#[test]
fn chance_shortens_a_pause_by_up_to_half() {
    for (byte, pause) in [(0, 500), (51, 600), (255, 1000)] {
        let breakers = Breakers::new(Always(byte));
        breakers.failed(&name("notes"), at(0), None);
        assert_eq!(breakers.open_until(&name("notes"), at(0)), Some(at(pause)));
    }
}

#[test]
fn after_a_pause_one_request_tries_for_all() {
    let (breakers, notes) = (Breakers::new(Always(255)), name("notes"));
    breakers.failed(&notes, at(0), None);
    assert_eq!(breakers.admit(&notes, at(1000)), Ok(()));
    assert_eq!(breakers.admit(&notes, at(1000)), Err(at(11_000)));
    breakers.failed(&notes, at(2000), None);
    assert_eq!(breakers.admit(&notes, at(3999)), Err(at(4000)));

    // Whoever was let through and never came back is waited for, but not for ever.
    assert_eq!(breakers.admit(&notes, at(4000)), Ok(()));
    assert_eq!(breakers.admit(&notes, at(13_999)), Err(at(14_000)));
    assert_eq!(breakers.admit(&notes, at(14_000)), Ok(()));
    breakers.answered(&notes);
    assert_eq!(breakers.admit(&notes, at(14_001)), Ok(()));
    assert_eq!(breakers.admit(&notes, at(14_001)), Ok(()));
}

#[test]
fn many_requests_that_fail_together_are_one_failure() {
    let (breakers, notes) = (Breakers::new(Always(255)), name("notes"));
    for _ in 0..50 {
        breakers.failed(&notes, at(0), None);
    }
    assert_eq!(breakers.open_until(&notes, at(0)), Some(at(1000)));
}

#[test]
fn a_server_says_itself_how_long_it_wants_to_be_left_alone() {
    let (breakers, notes) = (Breakers::new(Always(255)), name("notes"));
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    breakers.failed(&notes, at(0), seconds(30));
    assert_eq!(breakers.open_until(&notes, at(0)), Some(at(30_000)));
    breakers.failed(&notes, at(0), seconds(40));
    assert_eq!(breakers.open_until(&notes, at(0)), Some(at(40_000)), "the latest word counts");
    breakers.failed(&notes, at(0), seconds(0));
    assert_eq!(breakers.open_until(&notes, at(0)), Some(at(40_000)));
    breakers.failed(&notes, at(0), seconds(u64::from(u32::MAX)));
    assert_eq!(breakers.open_until(&notes, at(0)), Some(at(3_600_000)), "an hour is enough");
}

#[test]
fn a_clock_that_is_set_back_does_not_make_a_pause_of_years() {
    let (breakers, notes) = (Breakers::new(Always(255)), name("notes"));
    breakers.failed(&notes, at(1_800_000_000_000), None);
    assert_eq!(breakers.admit(&notes, at(0)), Ok(()));
}
