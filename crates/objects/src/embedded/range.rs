//! The `Range` header (RFC 9110, section 14): one range of bytes, or the whole file. Conditions are in `conditions`.

/// The part of a file that a `Range` header selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// The whole file: the header has no range that this store supports.
    Whole,
    /// Bytes `first` to `last`, both included and within the file.
    Part { first: u64, last: u64 },
    /// A valid range that begins after the end of the file.
    Unsatisfiable,
}

/// Evaluates a `Range` header for a file of `len` bytes.
///
/// `bytes=a-b`, `bytes=a-` and `bytes=-n` are supported. Other units, malformed ranges and lists of ranges are ignored,
/// which the RFC allows, and the whole file is sent.
pub(super) fn evaluate(header: &str, len: u64) -> Span {
    let Some((unit, set)) = header.split_once('=') else { return Span::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Span::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Span::Whole };
    match (position(first), position(last)) {
        (Position::Absent, Position::At(count)) => match count.min(len) {
            0 => Span::Unsatisfiable,
            count => Span::Part { first: len - count, last: len - 1 },
        },
        (Position::At(first), Position::Absent) if first < len => Span::Part { first, last: len - 1 },
        (Position::At(first), Position::At(last)) if first <= last && first < len => {
            Span::Part { first, last: last.min(len - 1) }
        }
        (Position::At(first), Position::At(last)) if first > last => Span::Whole,
        (Position::At(_), Position::At(_) | Position::Absent) => Span::Unsatisfiable,
        _ => Span::Whole,
    }
}

enum Position {
    Absent,
    At(u64),
    Malformed,
}

fn position(text: &str) -> Position {
    if text.is_empty() {
        Position::Absent
    } else if text.bytes().all(|b| b.is_ascii_digit()) {
        // A number that overflows is after the end of every file.
        Position::At(text.parse().unwrap_or(u64::MAX))
    } else {
        Position::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        // header, file length, answer: "first-last", "whole" or "416"
        let table = "
            bytes=0-0                       10 0-0
            bytes=0-9                       10 0-9
            bytes=0-10                      10 0-9
            bytes=2-5                       10 2-5
            bytes=9-9                       10 9-9
            bytes=9-                        10 9-9
            bytes=0-                        10 0-9
            bytes=-1                        10 9-9
            bytes=-10                       10 0-9
            bytes=-11                       10 0-9
            Bytes=1-2                       10 1-2
            bytes=00001-2                   10 1-2
            bytes=0-99999999999999999999999 10 0-9
            bytes=-99999999999999999999999  10 0-9
            bytes=10-                       10 416
            bytes=10-12                     10 416
            bytes=-0                        10 416
            bytes=99999999999999999999999-  10 416
            bytes=0-                         0 416
            bytes=0-0                        0 416
            bytes=-5                         0 416
            bytes=5-2                       10 whole
            bytes=20-12                     10 whole
            bytes=0-1,4-5                   10 whole
            bytes=0-1,                      10 whole
            bytes=-                         10 whole
            bytes=                          10 whole
            bytes                           10 whole
            bytes=a-b                       10 whole
            bytes=+1-2                      10 whole
            bytes=1--2                      10 whole
            bytes=0x1-2                     10 whole
            rows=1-2                        10 whole
        ";
        let mut rows = 0;
        for row in table.lines().filter(|line| !line.trim().is_empty()) {
            let fields: Vec<_> = row.split_whitespace().collect();
            let [header, len, expected] = fields[..] else { panic!("{row}") };
            let answer = match evaluate(header, len.parse().expect("length")) {
                Span::Whole => "whole".to_owned(),
                Span::Part { first, last } => format!("{first}-{last}"),
                Span::Unsatisfiable => "416".to_owned(),
            };
            assert_eq!(answer, expected, "{row}");
            rows += 1;
        }
        assert_eq!(rows, 33);
    }
}
