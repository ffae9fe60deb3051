//! How far a JSON value reaches, found without reading it.
//!
//! `serde_json` reads whatever it skips, byte by byte: of an event of many small objects that alone counted
//! ten times what all else did. Here 64 bytes are looked at at once, as simdjson does
//! (<https://arxiv.org/abs/1902.08318>, section 3.1): quotes are counted, and brackets where there is no
//! string, and nothing else is seen. So what is no JSON has an extent as well, or none, but never one
//! beyond its last byte.

use std::mem;
use wide::u8x16;

/// The bytes of the value that `text` begins with. There may be more behind it.
pub(crate) fn of(text: &[u8]) -> Option<usize> {
    match text.split_first()? {
        (b'"', rest) => string(rest).map(|extent| extent + 1),
        (b'{' | b'[', _) => container(text),
        _ => Some(scalar(text)).filter(|extent| *extent > 0),
    }
}

/// Past a number, `true`, `false` or `null`.
fn scalar(text: &[u8]) -> usize {
    let ends = |byte: &u8| b",:]} \t\n\r".contains(byte);
    text.iter().position(ends).unwrap_or(text.len())
}

/// Past the quote that ends the string which `text` is in.
fn string(text: &[u8]) -> Option<usize> {
    let mut escapes = Escapes::default();
    each_block(text, |block| {
        let closing = places(block, b'"', 0) & !escapes.of(places(block, b'\\', 0));
        (closing != 0).then(|| closing.trailing_zeros())
    })
}

/// Past the bracket that ends what begins with the first byte, a bracket. Whether it is of the same kind is
/// not looked at.
fn container(text: &[u8]) -> Option<usize> {
    let (mut escapes, mut in_string, mut depth) = (Escapes::default(), 0, 0);
    each_block(text, |block| {
        let quotes = places(block, b'"', 0) & !escapes.of(places(block, b'\\', 0));
        // From each quote that opens to before the one that closes.
        let strings = parities(quotes) ^ in_string;
        in_string = if strings >> 63 == 0 { 0 } else { u64::MAX };
        // A bracket is told from a brace by this bit.
        let opening = places(block, b'{', 0x20) & !strings;
        let closing = places(block, b'}', 0x20) & !strings;
        if depth > closing.count_ones() {
            depth = depth + opening.count_ones() - closing.count_ones();
            return None;
        }
        let mut ahead = opening | closing;
        while ahead != 0 {
            let next = ahead & ahead.wrapping_neg();
            if next & opening != 0 {
                depth += 1;
            } else {
                depth -= 1;
                if depth == 0 {
                    return Some(next.trailing_zeros());
                }
            }
            ahead ^= next;
        }
        None
    })
}

/// Past the byte that `find` finds, in one block after the other. Behind the end there is nothing but NUL.
fn each_block(text: &[u8], mut find: impl FnMut(&Block) -> Option<u32>) -> Option<usize> {
    let (blocks, rest) = text.as_chunks();
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    for (number, block) in blocks.iter().chain([&last]).enumerate() {
        if let Some(place) = find(block) {
            return Some(number * BLOCK + place as usize + 1);
        }
    }
    None
}

/// A bit for each byte that is `wanted` when the bits of `folded` are set.
fn places(block: &Block, wanted: u8, folded: u8) -> u64 {
    let (parts, _) = block.as_chunks();
    let place = |part: &[u8; 16]| {
        let equal = (u8x16::new(*part) | u8x16::splat(folded)).simd_eq(u8x16::splat(wanted));
        u64::from(equal.to_bitmask())
    };
    parts.iter().rev().fold(0, |places, part| places << 16 | place(part))
}

/// What backslashes do to the bytes behind them.
#[derive(Default)]
struct Escapes {
    /// Whether that goes for the first byte of the next block.
    carried: bool,
}

impl Escapes {
    /// The bytes of a block that are escaped. A backslash that is escaped does not escape.
    fn of(&mut self, backslashes: u64) -> u64 {
        let first = u64::from(mem::take(&mut self.carried));
        if backslashes == 0 {
            return first;
        }
        let backslashes = backslashes & !first;
        let behind = backslashes << 1 | first;
        // A run of backslashes that begins at an odd place is carried by this addition to the place behind
        // it, and so are the parities of the places in it turned.
        let odd = backslashes & !EVEN & !behind;
        let (turned, carried) = odd.overflowing_add(backslashes);
        self.carried = carried;
        (EVEN ^ turned << 1) & behind
    }
}

/// Whether the bits up to each bit, and itself, are odd in number.
fn parities(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].iter().fold(bits, |bits, by| bits ^ bits << by)
}

type Block = [u8; BLOCK];
const BLOCK: usize = 64;
const EVEN: u64 = u64::MAX / 3;

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;
    use serde_json::{Deserializer, Value, json};

    /// Values that hold whatever can be taken for an end.
    fn values() -> Vec<String> {
        let mut values: Vec<Value> = vec![
            json!(""),
            json!("\""),
            json!("\\"),
            json!("]}\"[{"),
            json!("…\u{7f}Y_y\u{0}"),
            json!([]),
            json!({}),
            json!([[], {}, [{ "]": "}" }]]),
            json!({ "\\\"": "\\\\", "{": ["\"[", "\n"] }),
            json!(-1.5e3),
            json!(true),
            json!(null),
        ];
        for backslashes in [1, 2, 3, 15, 16, 62, 63, 64, 65, 127, 128, 129] {
            let run = "\\".repeat(backslashes);
            values.extend([json!(run), json!({ "a": format!("{run}\""), "b": [run] })]);
        }
        let deep = (0..300).fold(json!("]"), |inner, _| json!([inner]));
        values.extend([deep, json!(values.clone()), json!({ "all": values.clone() })]);
        // As text of JSON is within JSON.
        let texts: Vec<Value> = values.iter().map(|value| value.to_string().into()).collect();
        values.into_iter().chain(texts).map(|value| value.to_string()).collect()
    }

    #[test]
    fn a_value_reaches_as_far_as_it_is_read_wherever_it_stands() {
        for value in values() {
            // Blocks begin at each of its bytes in turn.
            for before in 0..BLOCK {
                let inner = format!("[\"{}\",{value}]", "x".repeat(before));
                for text in [inner.clone(), format!("{inner}  ")] {
                    assert_eq!(of(text.as_bytes()), Some(inner.len()), "{text}");
                }
            }
            for behind in ["", ",", "]}", " \"", ":1", "\n[", "\t{", "\r,", "}\""] {
                let text = format!("{value}{behind}");
                let mut stream = Deserializer::from_str(&text).into_iter::<IgnoredAny>();
                stream.next().unwrap().unwrap();
                assert_eq!(of(text.as_bytes()), Some(stream.byte_offset()), "{text}");
            }
        }
    }

    #[test]
    fn what_has_no_end_has_no_extent_wherever_it_breaks_off() {
        for value in values().iter().filter(|value| value.starts_with(['"', '[', '{'])) {
            for end in 0..value.len().min(400) {
                assert_eq!(of(&value.as_bytes()[..end]), None, "{end} of {value}");
            }
        }
        for nothing in ["", " ", ",", "]", "}", ":"] {
            assert_eq!(of(nothing.as_bytes()), None, "{nothing}");
        }
    }

    #[test]
    fn whatever_the_bytes_are_the_extent_is_one_of_theirs() {
        // Not random: each run is the same.
        let mut state = 1_u32;
        let mut next = |most: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % most
        };
        let alphabet = b"\"\\[]{},:1 \t\r\nnx\xff\0";
        for _ in 0..20_000 {
            let length = next(200);
            let bytes: Vec<u8> = (0..length)
                .map(|_| alphabet[next(alphabet.len().try_into().unwrap()) as usize])
                .collect();
            let found = of(&bytes);
            assert_eq!(found, slowly(&bytes), "{bytes:?}");
            assert!(found.is_none_or(|extent| (1..=bytes.len()).contains(&extent)));
        }
    }

    /// The same, one byte after the other.
    fn slowly(text: &[u8]) -> Option<usize> {
        if !matches!(text.first()?, b'"' | b'[' | b'{') {
            let end = text.iter().take_while(|byte| !b" \t\n\r,:]}".contains(byte)).count();
            return Some(end).filter(|end| *end > 0);
        }
        let (mut in_string, mut escaped, mut depth) = (false, false, 0);
        for (at, byte) in text.iter().enumerate() {
            let behind_backslash = mem::take(&mut escaped);
            match byte {
                b'\\' => escaped = !behind_backslash,
                b'"' if !behind_backslash => in_string = !in_string,
                b'[' | b'{' if !in_string => depth += 1,
                b']' | b'}' if !in_string => depth -= 1,
                _ => {}
            }
            if !in_string && depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }
}
