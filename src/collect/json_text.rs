//! JSON as text, gone through once: most of what a Kubernetes API gives is passed over, at the speed of memory.
//!
//! What is read is held to RFC 8259. What is passed over is not: it ends with the bracket that closes its first one, brackets
//! in texts aside, whatever else is in it. A text that is cut off has no end. Whoever needs more checks the whole before.

use std::borrow::Cow;

use wide::u8x16;

/// The text is no JSON here, or not what the reader expects; [`serde_json`] knows better words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong;

/// A place in a text.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Walk { text, at: 0 }
    }

    /// What follows this place.
    pub(super) fn rest(&self) -> &'a str {
        // A place is always at or after an ASCII character.
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on by so many bytes, if they are whole characters, and answers them.
    pub(super) fn forward(&mut self, bytes: usize) -> &'a str {
        let text = self.rest().get(..bytes).unwrap_or_default();
        self.at += text.len();
        text
    }

    /// Goes on by a text, if it stands here.
    pub(super) fn forward_if(&mut self, text: &str) -> Option<()> {
        let stands = self.text.as_bytes()[self.at..].starts_with(text.as_bytes());
        stands.then(|| self.at += text.len())
    }

    /// What stands from another place of the same text to this one.
    pub(super) fn text_since(&self, start: &Walk<'a>) -> &'a str {
        self.since(start.at).unwrap_or_default()
    }

    /// What stands from `start` to this place.
    fn since(&self, start: usize) -> Result<&'a str, Wrong> {
        self.text.get(start..self.at).ok_or(Wrong)
    }

    /// The first byte of what comes next, white space aside.
    pub(super) fn peek(&mut self) -> Result<u8, Wrong> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Wrong)
    }

    fn take(&mut self, expected: u8) -> Result<(), Wrong> {
        if self.peek()? != expected {
            return Err(Wrong);
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            Err(Wrong) => Ok(()),
            Ok(_) => Err(Wrong),
        }
    }

    /// The next key of an object, whose value must be gone through before the one after it; `None` at its end. `first`:
    /// true before the object, and then let be.
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, Wrong> {
        if !self.next(first, b'{', b'}')? {
            return Ok(None);
        }
        let key = self.string()?;
        self.take(b':')?;
        Ok(Some(key))
    }

    /// Goes to the next element of an array; false at its end. `first` as for [`key`](Self::key).
    pub(super) fn element(&mut self, first: &mut bool) -> Result<bool, Wrong> {
        self.next(first, b'[', b']')
    }

    fn next(&mut self, first: &mut bool, open: u8, close: u8) -> Result<bool, Wrong> {
        let was_first = std::mem::take(first);
        if was_first {
            self.take(open)?;
        }
        match self.peek()? {
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            b',' if !was_first => {
                self.at += 1;
                Ok(true)
            }
            _ if was_first => Ok(true),
            _ => Err(Wrong),
        }
    }

    /// A text, without its quotes.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Wrong> {
        self.take(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at).ok_or(Wrong)? {
                b'"' => break,
                b'\\' => return self.escaped(start),
                0..0x20 => return Err(Wrong),
                _ => self.at += 1,
            }
        }
        let text = self.since(start)?;
        self.at += 1;
        Ok(Cow::Borrowed(text))
    }

    /// The rest of a text that has escapes.
    fn escaped(&mut self, start: usize) -> Result<Cow<'a, str>, Wrong> {
        self.at = end_of_string(self.text.as_bytes(), self.at).ok_or(Wrong)?;
        let quoted = self.text.get(start - 1..self.at).ok_or(Wrong)?;
        serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| Wrong)
    }

    /// A number, `true`, `false` or `null` as it stands there; whether it is a number is for the caller to see.
    pub(super) fn word(&mut self) -> Result<&'a str, Wrong> {
        self.peek()?;
        let start = self.at;
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        self.at += self.text.as_bytes()[start..].iter().take_while(|b| is_part(b)).count();
        match self.since(start)? {
            word @ ("true" | "false" | "null") => Ok(word),
            word if word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(word),
            _ => Err(Wrong),
        }
    }

    /// Passes over a value; answers how it is written.
    pub(super) fn skip(&mut self) -> Result<&'a str, Wrong> {
        let bytes = self.text.as_bytes();
        let first = self.peek()?;
        let start = self.at;
        self.at = match first {
            b'{' | b'[' => end_of_container(bytes, start).ok_or(Wrong)?,
            b'"' => end_of_string(bytes, start + 1).ok_or(Wrong)?,
            _ => return self.word(),
        };
        self.since(start)
    }
}

/// The place after the quote that ends a text, from a place within it.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Which of 64 bytes are what.
struct Block {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

impl Block {
    fn new(bytes: &[u8; 64]) -> Block {
        let mut block = Block { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for (i, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
            let part = u8x16::new(*part);
            // `[` and `{` differ in this bit alone, and so do `]` and `}`.
            let brackets = part | u8x16::splat(0x20);
            let mask = |found: u8x16| u64::from(found.to_bitmask()) << (16 * i);
            block.quotes |= mask(part.simd_eq(u8x16::splat(b'"')));
            block.backslashes |= mask(part.simd_eq(u8x16::splat(b'\\')));
            block.opens |= mask(brackets.simd_eq(u8x16::splat(b'{')));
            block.closes |= mask(brackets.simd_eq(u8x16::splat(b'}')));
        }
        block
    }
}

/// The place after the bracket that closes the one at `start`.
///
/// The way of simdjson: Langdale and Lemire, Parsing gigabytes of JSON per second, section 3.1
/// (<https://arxiv.org/abs/1902.08318>).
fn end_of_container(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0u32;
    // Whether the block begins within a text (all bits), and with a character that a backslash before it escapes.
    let (mut within, mut escape) = (0u64, false);
    let mut at = start;
    let mut last = [b' '; 64];
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let block = Block::new(match rest.first_chunk() {
            Some(whole) => whole,
            None => {
                last[..rest.len()].copy_from_slice(rest);
                &last
            }
        });
        let texts = prefix_xor(block.quotes & !escaped(block.backslashes, &mut escape)) ^ within;
        within = if texts >> 63 == 1 { !0 } else { 0 };
        let (opens, mut closes) = (block.opens & !texts, block.closes & !texts);
        if closes.count_ones() < depth {
            // It cannot end here.
            depth = depth + opens.count_ones() - closes.count_ones();
        } else {
            let mut counted = 0;
            while closes != 0 {
                let place = closes.trailing_zeros();
                let before = (1 << place) - 1;
                depth = (depth + (opens & before & !counted).count_ones()).checked_sub(1)?;
                if depth == 0 {
                    return Some(at + place as usize + 1);
                }
                counted = before;
                closes &= closes - 1;
            }
            depth += (opens & !counted).count_ones();
        }
        at += 64;
    }
    None
}

/// The characters that a backslash before them escapes; `carry`: whether the first one is, and whether that of the next
/// block will be.
fn escaped(backslashes: u64, carry: &mut bool) -> u64 {
    let mut found = u64::from(*carry);
    let mut left = backslashes & !found;
    *carry = false;
    while left != 0 {
        let place = left.trailing_zeros();
        *carry = place == 63;
        let pair = 3u64 << place;
        found |= pair & !(1 << place);
        left &= !pair;
    }
    found
}

/// Of each bit, whether there is an odd number of ones up to it.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["[a-z{}\\[\\]\"\\\\/\u{e9}\n]{0,90}", Just("\\".repeat(64)), Just("x".repeat(63))];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.clone().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    /// As `serde_json` reads it.
    fn whole(walk: &mut Walk<'_>) -> Result<Value, Wrong> {
        match walk.peek()? {
            b'{' => {
                let mut map = serde_json::Map::new();
                let mut first = true;
                while let Some(key) = walk.key(&mut first)? {
                    map.insert(key.into_owned(), whole(walk)?);
                }
                Ok(Value::Object(map))
            }
            b'[' => {
                let mut items = Vec::new();
                let mut first = true;
                while walk.element(&mut first)? {
                    items.push(whole(walk)?);
                }
                Ok(Value::Array(items))
            }
            b'"' => walk.string().map(|s| Value::String(s.into_owned())),
            _ => serde_json::from_str(walk.word()?).map_err(|_| Wrong),
        }
    }

    #[test]
    fn what_is_passed_over_ends_where_it_ends() {
        for (text, length) in [
            ("{}", 2),
            ("[[]] ]", 4),
            (r#"{"a":"}"} }"#, 9),
            (r#"{"a\"}":["\\"]}}"#, 15),
            (r#""a\"b" "#, 6),
            ("12.5e+3,", 7),
            ("null]", 4),
        ] {
            assert_eq!(Walk::new(text).skip(), Ok(&text[..length]), "{text}");
        }
        for text in ["", " ", "{", r#"{"a":"}"#, r#"["\"]"#, r#"""#, ",", "[1,[2]"] {
            assert_eq!(Walk::new(text).skip(), Err(Wrong), "{text}");
        }
    }

    #[test]
    fn what_is_read_is_held_to_the_grammar() {
        for text in [
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":1,}",
            "[1,]",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "\"a\nb\"",
            r#""\x""#,
            "tru",
            "01",
            "[,1]",
        ] {
            let mut walk = Walk::new(text);
            let read = whole(&mut walk).and_then(|v| walk.end().map(|()| v));
            assert_eq!(read, Err(Wrong), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_and_passes_over_what_serde_json_writes(
            before in "[ \n]{0,70}", value in value(), pretty in any::<bool>(), after in "[,\\]} ]{0,2}"
        ) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let all = format!("{before}{text}{after}");
            let mut walk = Walk::new(&all);
            prop_assert_eq!(walk.skip(), Ok(text.as_str()));
            prop_assert_eq!(walk.rest(), after);
            prop_assert_eq!(whole(&mut Walk::new(&all)), serde_json::from_str::<Value>(&text).map_err(|_| Wrong));
        }

        /// What `serde_json` refuses is refused, and what it takes is read alike.
        #[test]
        fn it_agrees_with_serde_json_on_any_text(text in "[{}\\[\\]\",:\\\\ a1.eE+-]{0,12}|.{0,20}") {
            let mut walk = Walk::new(&text);
            let read = whole(&mut walk).and_then(|v| walk.end().map(|()| v));
            prop_assert_eq!(read.ok(), serde_json::from_str::<Value>(&text).ok());
        }

        /// No part of a container is taken for the whole.
        #[test]
        fn what_is_cut_off_does_not_end(value in value(), cut in any::<prop::sample::Index>()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assume!(text.starts_with(['{', '[', '"']));
            let mut end = cut.index(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            prop_assert_eq!(Walk::new(&text[..end]).skip(), Err(Wrong));
        }
    }
}
