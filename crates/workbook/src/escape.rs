//! Escaping of text in XML, with the `_xHHHH_` notation of spreadsheets for characters that XML does not allow.

/// Bytes that may have to be escaped: markup, control characters, the underscore that may begin an escape, and the
/// first byte of U+FFFE and U+FFFF.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    // Tab and line feed are not escaped. Carriage return is, because XML readers convert it to a line feed.
    table[0x09] = false;
    table[0x0A] = false;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'&' as usize] = true;
    table[b'_' as usize] = true;
    table[0xEF] = true;
    table
};

const HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Appends `text` as the content of an element of type `ST_Xstring` (ECMA-376 part 1, 22.9.2.19): characters that
/// XML 1.0 forbids become `_xHHHH_`, and in text that looks like such an escape the underscore is escaped.
pub(crate) fn push_content(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !SPECIAL[usize::from(byte)] {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let mut notation = *b"_x0000_";
        let (replacement, width): (&[u8], usize) = match byte {
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'&' => (b"&amp;", 1),
            b'_' if opens_escape(rest) => (b"_x005F_", 1),
            b'_' => continue,
            0xEF => match rest {
                [_, 0xBF, 0xBE, ..] => (b"_xFFFE_", 3),
                [_, 0xBF, 0xBF, ..] => (b"_xFFFF_", 3),
                _ => continue,
            },
            control => {
                notation[4] = HEX[usize::from(control >> 4)];
                notation[5] = HEX[usize::from(control & 15)];
                (&notation, 1)
            }
        };
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        out.extend_from_slice(replacement);
        copied = at + width;
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
}

/// Appends `text` as the value of an attribute in double quotes.
pub(crate) fn push_attribute(out: &mut Vec<u8>, text: &str) {
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"&quot;");
        }
        push_content(out, part);
    }
}

/// Whether `rest`, which begins with an underscore, would be read as `_xHHHH_` after it is written. The closing
/// underscore may also be the first character of the next character's escape.
fn opens_escape(rest: &[u8]) -> bool {
    let [_, b'x', a, b, c, d, next @ ..] = rest else { return false };
    [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit())
        && match next {
            [0xEF, 0xBF, 0xBE | 0xBF, ..] => true,
            [b'\t' | b'\n', ..] | [] => false,
            [first, ..] => *first == b'_' || *first < 0x20,
        }
}

/// Whether the text is its own content: nothing is escaped, and no white space is lost that is not between other
/// characters.
pub(crate) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_escaped = |(at, &byte): (usize, &u8)| match byte {
        b'_' => opens_escape(bytes.get(at..).unwrap_or_default()),
        0xEF => matches!(bytes.get(at..at + 3), Some([_, 0xBF, 0xBE | 0xBF])),
        b'\t' | b'\n' => true,
        byte => SPECIAL[usize::from(byte)],
    };
    bytes.first() != Some(&b' ') && bytes.last() != Some(&b' ') && !bytes.iter().enumerate().any(is_escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(text: &str) -> String {
        let mut out = Vec::new();
        push_content(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    /// The text that a spreadsheet reads from the content of `t`, XML entities and escapes decoded.
    fn decoded(content: &str) -> String {
        let content = content.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let mut out = String::new();
        let mut rest = content.as_str();
        while let Some(first) = rest.chars().next() {
            let code = rest
                .strip_prefix("_x")
                .filter(|tail| tail.as_bytes().get(4) == Some(&b'_'))
                .and_then(|tail| tail.get(..4))
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).unwrap()));
            out.push(code.unwrap_or(first));
            rest = &rest[if code.is_some() { 7 } else { first.len_utf8() }..];
        }
        out
    }

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("plain 文字 🙂", "plain 文字 🙂"),
            ("</t>&\"'", "&lt;/t&gt;&amp;\"'"),
            ("\u{0}\u{1}\u{1f}", "_x0000__x0001__x001F_"),
            ("a\tb\nc\rd", "a\tb\nc_x000D_d"),
            ("\u{fffe}\u{ffff}\u{fffd}\u{f000}", "_xFFFE__xFFFF_\u{fffd}\u{f000}"),
            ("_x0041_", "_x005F_x0041_"),
            ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
            ("_x0041", "_x0041"),
            ("_x0041\u{1}", "_x005F_x0041_x0001_"),
            ("_X0041_ _x00g1_ snake_case_", "_X0041_ _x00g1_ snake_case_"),
        ] {
            assert_eq!(content(text), expected);
            assert_eq!(decoded(expected), text);
        }
    }

    #[test]
    fn quotes_in_attributes_are_escaped() {
        let mut out = Vec::new();
        push_attribute(&mut out, "a\"<b>\"");
        assert_eq!(out, b"a&quot;&lt;b&gt;&quot;");
    }

    proptest! {
        #[test]
        fn content_decodes_to_the_text(text in "(_|x|0|4|[0-9a-fA-F]|_x005F_|[\\x00-\\x1f]|\u{ffff}|&|amp;|\\PC){0,24}") {
            prop_assert_eq!(decoded(&content(&text)), text);
        }
    }
}
