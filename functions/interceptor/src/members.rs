//! The few members of a JSON object that are looked at, as they stand, in one pass over its bytes.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// Which members.
pub(crate) trait Named<const N: usize> {
    /// Their names.
    const NAMES: [&'static str; N];
}

/// An object's members of the names of `T`. What stands there instead does not spoil what stands around
/// it, unless it is no number that exists, or no text (`1e999`, `"\\ud800"`): that is no JSON of anybody's.
#[derive(Clone, Copy, Default)]
pub(crate) enum Members<'a, T, const N: usize> {
    /// Nothing, or `null`.
    #[default]
    Absent,
    /// An object. `null` is absence.
    Found([Option<&'a RawValue>; N], PhantomData<T>),
    /// No object, or one that has such a member twice: somebody else might read the other one.
    Unreadable,
}

impl<'de: 'a, 'a, T: Named<N>, const N: usize> Deserialize<'de> for Members<'a, T, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader::<T, N>(PhantomData))
    }
}

struct Reader<T, const N: usize>(PhantomData<T>);

impl<'de, T: Named<N>, const N: usize> Visitor<'de> for Reader<T, N> {
    type Value = Members<'de, T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = [None; N];
        let (mut seen, mut twice) = ([false; N], false);
        while let Some(Which(which, _)) = map.next_key::<Which<T, N>>()? {
            match which {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(number) => {
                    twice |= std::mem::replace(&mut seen[number], true);
                    found[number] = map.next_value()?;
                }
            }
        }
        Ok(if twice { Members::Unreadable } else { Members::Found(found, PhantomData) })
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Members::Unreadable)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Members::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Members::Unreadable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Members::Unreadable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Members::Unreadable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Members::Unreadable)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Members::Unreadable)
    }
}

/// The place of a member's name among those of `T`.
struct Which<T, const N: usize>(Option<usize>, PhantomData<T>);

impl<'de, T: Named<N>, const N: usize> Deserialize<'de> for Which<T, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Name<T, const N: usize>(PhantomData<T>);
        impl<T: Named<N>, const N: usize> Visitor<'_> for Name<T, N> {
            type Value = Which<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Which(T::NAMES.iter().position(|known| *known == name), PhantomData))
            }
        }
        from.deserialize_str(Name(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;
    impl Named<2> for Two {
        const NAMES: [&'static str; 2] = ["a", "b"];
    }

    fn read(json: &str) -> Option<[Option<String>; 2]> {
        match serde_json::from_str::<Members<'_, Two, 2>>(json).unwrap() {
            Members::Absent => Some([None, None]),
            Members::Found(found, _) => {
                Some(found.map(|member| member.map(|raw| raw.get().to_owned())))
            }
            Members::Unreadable => None,
        }
    }

    #[test]
    fn members_are_found_as_they_stand_wherever_they_stand() {
        let given = |a: &str, b: &str| Some([Some(a.to_owned()), Some(b.to_owned())]);
        assert_eq!(
            read(r#"{"b": {"a": [1 ]},"x":{"a":9},"a": 1.50}"#),
            given("1.50", r#"{"a": [1 ]}"#)
        );
        assert_eq!(read(r#"{"\u0061":1,"b":2}"#), given("1", "2"));
        assert_eq!(read(r#"{"a":null,"c":1}"#), Some([None, None]));
        assert_eq!(read("null"), Some([None, None]));
    }

    #[test]
    fn what_is_no_object_or_has_a_member_twice_is_unreadable_and_spoils_nothing_around_it() {
        for odd in [
            r#""a""#,
            "1",
            "-1",
            "1.5",
            "true",
            r#"["a",{"b":1}]"#,
            r#"{"a":1,"a":1}"#,
            r#"{"b":null,"b":1}"#,
        ] {
            assert_eq!(read(odd), None, "{odd}");
            let around = format!("[{odd}, 7]");
            let (_, after): (Members<'_, Two, 2>, u8) = serde_json::from_str(&around).unwrap();
            assert_eq!(after, 7);
        }
        for broken in ["1e999", r#""\ud800""#, r#"{"\ud800":1}"#] {
            assert!(serde_json::from_str::<Members<'_, Two, 2>>(broken).is_err(), "{broken}");
        }
    }
}
