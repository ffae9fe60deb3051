use super::*;
use crate::connection::SealedTokens;
use crate::step_up::StepUp;
use crate::subject::Subject;
use std::time::UNIX_EPOCH;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const A_DAY: u64 = 24 * HOUR;

#[test]
fn each_is_renewed_ahead_of_expiry_in_a_place_of_its_own() {
    let mut places: Vec<u64> = (0..200)
        .map(|n| seconds(connection(&n.to_string(), HOUR).renew_at(&Quirks::default()).unwrap()))
        .collect();
    let (earliest, latest) = (places.iter().min().unwrap(), places.iter().max().unwrap());
    assert!(37 * MINUTE < *earliest && *latest <= 45 * MINUTE, "{earliest} {latest}");
    assert!(*earliest < 39 * MINUTE && 43 * MINUTE < *latest, "{earliest} {latest}");
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 100);
    let again = connection("7", HOUR).renew_at(&Quirks::default());
    assert_eq!(again, connection("7", HOUR).renew_at(&Quirks::default()));
}

#[test]
fn nothing_is_due_again_at_once() {
    for lifetime in [0, 1, MINUTE, 10 * MINUTE, 30 * MINUTE - 1] {
        assert_eq!(connection("alice", lifetime).renew_at(&Quirks::default()), None, "{lifetime}");
    }
    let lifetimes = [30 * MINUTE, HOUR, 8 * HOUR, 30 * A_DAY, 400 * A_DAY, u64::MAX / 4];
    for (name, lifetime) in ["a", "b", "c", "d"].iter().flat_map(|n| lifetimes.map(|l| (n, l))) {
        let due = connection(name, lifetime).renew_at(&Quirks::default()).unwrap();
        let due = seconds(due);
        assert!(lifetime / 3 < due && due <= lifetime - 15 * MINUTE, "{name} {lifetime} {due}");
    }
}

#[test]
fn a_refresh_token_that_dies_unused_is_spent_before() {
    let idle = |days| quirks(Some(days * A_DAY), None);
    // An access token that outlives the refresh token.
    let due = seconds(connection("alice", 365 * A_DAY).renew_at(&idle(8)).unwrap());
    assert!((5 * A_DAY..=6 * A_DAY).contains(&due), "{due}");
    // One that does not: its own expiry comes first.
    let due = seconds(connection("alice", HOUR).renew_at(&idle(8)).unwrap());
    assert!(due < HOUR);
    // A short one is renewed by the call that needs it, but not left to die.
    let due = seconds(connection("alice", MINUTE).renew_at(&idle(8)).unwrap());
    assert!((5 * A_DAY..=6 * A_DAY).contains(&due), "{due}");
}

#[test]
fn one_that_nobody_uses_is_kept_from_dying_only() {
    let kept = |idle, absolute| connection("alice", HOUR).keep_at(&quirks(idle, absolute));
    assert_eq!(kept(None, None), None);
    assert!((5 * A_DAY..=6 * A_DAY).contains(&seconds(kept(Some(8 * A_DAY), None).unwrap())));
    // To keep it would take a renewal every few hours, for ever.
    assert_eq!(kept(Some(A_DAY - 1), None), None);
    // It dies before.
    assert_eq!(kept(Some(8 * A_DAY), Some(4 * A_DAY)), None);
    assert!(kept(Some(8 * A_DAY), Some(40 * A_DAY)).is_some());
}

#[test]
fn the_last_renewal_comes_within_the_last_day() {
    let quirks = quirks(None, Some(30 * A_DAY));
    let due = seconds(connection("alice", 365 * A_DAY).renew_at(&quirks).unwrap());
    assert!((29 * A_DAY..=30 * A_DAY - 12 * HOUR).contains(&due), "{due}");
    // Renewed since, it is not due for this end again.
    let mut after = connection("alice", 365 * A_DAY);
    let Status::Active { obtained_at, expires_at, .. } = &mut after.status else { panic!() };
    (*obtained_at, *expires_at) = (at(due + 1), at(due + 365 * A_DAY));
    assert!(seconds(after.renew_at(&quirks).unwrap()) > 300 * A_DAY);
    assert_eq!(after.dies_at(&quirks), Some(at(30 * A_DAY)));
}

#[test]
fn it_dies_of_whichever_end_comes_first() {
    let dies = |idle, absolute| connection("alice", HOUR).dies_at(&quirks(idle, absolute));
    assert_eq!(dies(None, None), None);
    assert_eq!(dies(Some(5), None), Some(at(5)));
    assert_eq!(dies(Some(5), Some(4)), Some(at(4)));
    assert_eq!(dies(Some(u64::MAX), Some(u64::MAX)), None);
}

#[test]
fn what_cannot_be_renewed_is_never_due() {
    let mut connection = connection("alice", HOUR);
    let Status::Active { renewable, .. } = &mut connection.status else { panic!() };
    *renewable = false;
    let quirks = quirks(Some(8 * A_DAY), Some(30 * A_DAY));
    assert_eq!(connection.renew_at(&quirks), None);
    assert_eq!(connection.keep_at(&quirks), None);
}

#[test]
fn use_is_what_happened_within_the_time() {
    let used = connection("alice", HOUR);
    assert!(used.is_used(Duration::from_secs(10), at(9)));
    assert!(!used.is_used(Duration::from_secs(10), at(10)));
    assert!(!used.is_used(Duration::ZERO, at(0)));
}

#[test]
fn every_shard_is_used() {
    let mut counts = [0; Shard::COUNT as usize];
    for n in 0..1600 {
        let Connection { subject, target, .. } = connection(&n.to_string(), HOUR);
        counts[usize::from(Shard::of(&subject, &target).0)] += 1;
    }
    assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    let keys: Vec<_> = Shard::all().map(Shard::key).collect();
    assert_eq!((keys.len(), &*keys[0], &*keys[15]), (16, "0", "15"));
}

fn connection(sub: &str, lifetime: u64) -> Connection {
    Connection {
        subject: Subject::new("https://idp.example", vec![sub.into()]).unwrap().id(),
        target: "notes".parse().unwrap(),
        resource: "https://notes.example".to_owned().try_into().unwrap(),
        issuer: "https://as.example".into(),
        status: Status::Active {
            sealed: SealedTokens(vec![]),
            expires_at: at(lifetime),
            obtained_at: at(0),
            consented_at: at(0),
            used_at: at(0),
            due_at: None,
            renewable: true,
            attempt: None,
        },
        refused_at: None,
        step_up: StepUp::default(),
    }
}

fn quirks(idle: Option<u64>, absolute: Option<u64>) -> Quirks {
    Quirks {
        refresh_token_idle: idle.map(Duration::from_secs),
        refresh_token_absolute: absolute.map(Duration::from_secs),
        ..Quirks::default()
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}
