//! JSON as it stands: values that are text, and the few members of objects that are looked at, found in
//! one pass.
//!
//! What comes here is JSON already, for Lambda takes no other event. So what nobody looks at is stepped
//! over and not read, which is nearly all of an event: the message stands in it twice, and what it brings to
//! a tool is none of our business. What is no JSON may go unnoticed, but for a text that should be JSON
//! itself: nobody has read that before.

use crate::extent;
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Json<'a>(&'a str);

/// The members of some names that a value has, in the order of these names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Members<'a, const N: usize> {
    /// There is no value, or it is `null`.
    Absent,
    /// It is an object. `null` is absence.
    Found([Option<Json<'a>>; N]),
    /// It is no object, or one that has such a member twice: somebody else might read the other one.
    Unreadable,
}

/// What a value turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Object {
    /// `null`.
    Absent,
    /// An object.
    Found,
    /// Something else, or an object that has twice what was asked for.
    Unreadable,
}

impl<'a> Json<'a> {
    /// As it stands.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    /// What it says.
    pub(crate) fn read<T: DeserializeOwned>(self) -> serde_json::Result<T> {
        serde_json::from_str(self.0)
    }

    /// Its elements, if it is an array.
    pub(crate) fn elements(self) -> Option<Vec<Self>> {
        let mut elements = vec![];
        let mut rest = Rest(self.0);
        if !rest.takes(b'[') {
            return None;
        }
        while !rest.takes(b']') {
            if !elements.is_empty() && !rest.takes(b',') {
                return None;
            }
            elements.push(rest.value()?);
        }
        Some(elements)
    }

    /// The value that it holds, if it is a text, or else itself.
    pub(crate) fn unwrapped(self) -> Option<Verbatim> {
        if !self.0.starts_with('"') {
            return Some(self.to_verbatim());
        }
        Some(Verbatim(RawValue::from_string(self.read().ok()?).ok()?.into()))
    }

    /// What goes on as it came.
    pub(crate) fn to_verbatim(self) -> Verbatim {
        Verbatim(self.0.into())
    }
}

/// What is yet to be gone through. Where that cannot be done, it is no JSON, and the answer is `None`.
#[derive(Clone, Copy)]
pub(crate) struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Whether there is nothing more.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.skip_space();
        self.0.is_empty()
    }

    /// Whether a value of this first byte comes next.
    fn begins_with(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.0.as_bytes().first() == Some(&byte)
    }

    /// What has been gone through since `before`.
    pub(crate) fn since(&self, before: &Self) -> Option<Json<'a>> {
        before.0.get(..before.0.len().checked_sub(self.0.len())?).map(Json)
    }

    /// Steps over a value.
    pub(crate) fn value(&mut self) -> Option<Json<'a>> {
        self.skip_space();
        let (value, rest) = self.0.split_at_checked(extent::of(self.0.as_bytes())?)?;
        self.0 = rest;
        Some(Json(value))
    }

    /// Goes through a value, and through each of its members of these `names` by `each`. `null` is
    /// absence.
    pub(crate) fn object<const N: usize>(
        &mut self,
        names: [&'static str; N],
        mut each: impl FnMut(&'static str, &mut Self) -> Option<()>,
    ) -> Option<Object> {
        if !self.takes(b'{') {
            let value = self.value()?;
            return Some(if value.0 == "null" { Object::Absent } else { Object::Unreadable });
        }
        let (mut object, mut seen, mut first) = (Object::Found, [false; N], true);
        while !self.takes(b'}') {
            if !std::mem::take(&mut first) && !self.takes(b',') {
                return None;
            }
            let name = self.name()?;
            match names.iter().position(|known| *known == name) {
                Some(number) if !std::mem::replace(&mut seen[number], true) => {
                    if self.0.starts_with("null") {
                        self.value()?;
                    } else {
                        each(names[number], self)?;
                    }
                }
                known => {
                    self.value()?;
                    if known.is_some() {
                        object = Object::Unreadable;
                    }
                }
            }
        }
        Some(object)
    }

    /// Goes through a value, and keeps its members of these `names`.
    pub(crate) fn members<const N: usize>(
        &mut self,
        names: [&'static str; N],
    ) -> Option<Members<'a, N>> {
        let mut found = [None; N];
        let object = self.object(names, |name, rest| {
            let place = names.iter().position(|known| *known == name)?;
            found[place] = Some(rest.value()?);
            Some(())
        })?;
        Some(match object {
            Object::Absent => Members::Absent,
            Object::Found => Members::Found(found),
            Object::Unreadable => Members::Unreadable,
        })
    }

    /// A member's name, and what is between it and the value.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        let Json(text) = self.value()?;
        let name = text.strip_prefix('"')?.strip_suffix('"')?;
        let name = if name.contains('\\') {
            // What cannot be read, as half a surrogate pair, is in no name that is asked for.
            Cow::Owned(serde_json::from_str(text).unwrap_or_default())
        } else {
            Cow::Borrowed(name)
        };
        let colon = self.takes(b':');
        self.skip_space();
        colon.then_some(name)
    }

    fn takes(&mut self, byte: u8) -> bool {
        let there = self.begins_with(byte);
        self.0 = self.0.get(usize::from(there)..).unwrap_or_default();
        there
    }

    pub(crate) fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }
}

/// A value that is written as it came, to the last byte.
///
/// It is written as `serde_json` has its own `RawValue` written, by the name of that type there, which is
/// not a part of what it promises: a test says whether it still holds. But a `RawValue` is made only by
/// reading the text once more, and of a body of small objects that would be most of what it costs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Verbatim(Box<str>);

impl Verbatim {
    /// The text of what serialises.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        Self(raw(value).into())
    }

    pub(crate) fn get(&self) -> &str {
        &self.0
    }
}

/// The text of what serialises, among others that were read.
pub(crate) fn raw(value: &impl Serialize) -> Box<RawValue> {
    // Only maps with keys that are no strings fail to serialise, and we have none.
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl Serialize for Verbatim {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        const RAW: &str = "$serde_json::private::RawValue";
        let mut raw = to.serialize_struct(RAW, 1)?;
        raw.serialize_field(RAW, &self.0)?;
        raw.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Option<Members<'_, 2>> {
        let mut rest = Rest::new(json);
        rest.members(["a", "b"]).filter(|_| rest.is_empty())
    }

    #[test]
    fn members_are_found_as_they_stand_wherever_they_stand() {
        let given = |a, b| Some(Members::Found([Some(Json(a)), Some(Json(b))]));
        assert_eq!(
            members(" {\"b\" :\n{\"a\": [1 ]},\"x\":{\"a\":9},\t\"a\": 1.50 } "),
            given("1.50", r#"{"a": [1 ]}"#)
        );
        assert_eq!(members(r#"{"\u0061":1,"b":2}"#), given("1", "2"));
        assert_eq!(members(r#"{"\"a":1,"a":"\\\"","b":[]}"#), given(r#""\\\"""#, "[]"));
        assert_eq!(members(r#"{"\ud800":0,"a":1,"b":"\ud800"}"#), given("1", r#""\ud800""#));
        assert_eq!(members("\r{\t\"a\"\r:\n1\t,\r\n\"b\"\t: 2\r}\n\t"), given("1", "2"));
        for nothing in [r#"{"a":null,"c":1}"#, "{}", "{ }"] {
            assert_eq!(members(nothing), Some(Members::Found([None, None])), "{nothing}");
        }
        assert_eq!(members("null"), Some(Members::Absent));
    }

    #[test]
    fn what_is_no_object_or_has_a_member_twice_is_unreadable_and_spoils_nothing_around_it() {
        for odd in [
            r#""a""#,
            "1",
            "-1.5",
            "true",
            r#"["a",{"b":1}]"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"b":null,"b":1}"#,
            r#"{"b":1,"b":null}"#,
        ] {
            let around = format!(r#"{{"inner":{odd},"after":7}}"#);
            let (mut inner, mut after) = (None, None);
            let object = Rest::new(&around).object(["inner", "after"], |name, rest| {
                match name {
                    "inner" => inner = Some(rest.members(["a", "b"])?),
                    _ => after = Some(rest.value()?),
                }
                Some(())
            });
            let found = (object, inner, after);
            let expected = (Some(Object::Found), Some(Members::Unreadable), Some(Json("7")));
            assert_eq!(found, expected, "{odd}");
        }
    }

    #[test]
    fn what_is_no_json_where_it_is_looked_at_is_nothing() {
        for broken in [
            "",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a" 1}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 "b":2}"#,
            r"{a:1}",
            r#"{"a":1"#,
            r#"{"a":"1}"#,
            r#"{"a":[1}"#,
            r#"{"a":1}}"#,
        ] {
            assert_eq!(members(broken), None, "{broken}");
        }
    }

    #[test]
    fn elements_are_found_as_they_stand() {
        let elements = |json: &'static str| {
            let elements = Json(json).elements()?;
            Some(elements.into_iter().map(Json::text).collect::<Vec<_>>())
        };
        assert_eq!(elements("[]"), Some(vec![]));
        assert_eq!(elements("[ 1 ,[2, 3], {\"]\":0}]"), Some(vec!["1", "[2, 3]", "{\"]\":0}"]));
        for broken in ["{}", "1", "[1 2]", "[1,]", "[,1]", "[1", "[1,"] {
            assert_eq!(elements(broken), None, "{broken}");
        }
    }

    #[test]
    fn what_goes_on_as_it_came_is_written_as_it_came() {
        #[derive(Serialize)]
        struct Around {
            body: Verbatim,
        }
        let body = "{ \"a\" : [1.50, \"\\u0041\"], \"a\":1e999 }";
        let around = Around { body: Json(body).to_verbatim() };
        let written = format!("{{\"body\":{body}}}");
        assert_eq!(serde_json::to_string(&around).unwrap(), written);
        assert_eq!(serde_json::to_vec(&around).unwrap(), written.as_bytes());
    }

    #[test]
    fn a_text_is_json_only_if_it_is_json_throughout() {
        let unwrapped = |json: &'static str| Some(Json(json).unwrapped()?.get().to_owned());
        assert_eq!(unwrapped("[ 1]"), Some("[ 1]".to_owned()));
        assert_eq!(unwrapped(r#"" {\"a\": 1} ""#), Some(r#"{"a": 1}"#.to_owned()));
        for broken in [r#""""#, r#""{\"a\":tru}""#, r#""{} {}""#, r#""{\"a\":[1}}""#] {
            assert_eq!(unwrapped(broken), None, "{broken}");
        }
    }
}
