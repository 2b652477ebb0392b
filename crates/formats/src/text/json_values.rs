//! JSON documents: the values of a file one after the other, however they are divided into lines, and the elements of a
//! list at the top as values of their own.

use std::io::BufRead;

use super::error::StreamError;

/// The longest value in bytes. A page of a usage report has some 100 KB.
const MAX_VALUE_BYTES: usize = 16 << 20;

/// Reads the values of a JSON file. They are divided here, and checked when their text is read.
pub(crate) struct JsonValuesReader<R> {
    from: R,
    /// The value that was read last.
    value: Vec<u8>,
    too_long: bool,
    /// Number of the line that is read, from 1.
    line: u64,
    is_in_list: bool,
    is_started: bool,
}

impl<R: BufRead> JsonValuesReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, value: Vec::new(), too_long: false, line: 1, is_in_list: false, is_started: false }
    }

    /// Number of the line that was read last.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next value and returns its first line; `None` at the end of the file.
    pub(super) fn advance(&mut self) -> Result<Option<u64>, StreamError> {
        loop {
            let Some(byte) = self.peek()? else {
                if self.is_in_list {
                    return Err(StreamError::malformed(self.line, "the list is not closed"));
                }
                return Ok(None);
            };
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                // A byte order mark.
                0xef | 0xbb | 0xbf if !self.is_started => {}
                b',' if self.is_in_list => {}
                b']' if self.is_in_list => self.is_in_list = false,
                b'[' if !self.is_in_list => self.is_in_list = true,
                b']' | b'}' | b',' | b':' => {
                    let reason = format!("a value is expected, found `{}`", char::from(byte));
                    return Err(StreamError::malformed(self.line, reason));
                }
                _ => {
                    self.is_started = true;
                    let line = self.line;
                    self.read_value()?;
                    return Ok(Some(line));
                }
            }
            self.from.consume(1);
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, StreamError> {
        Ok(self.from.fill_buf()?.first().copied())
    }

    /// Reads the value that begins at the next byte.
    fn read_value(&mut self) -> Result<(), StreamError> {
        self.value.clear();
        self.too_long = false;
        let mut scan = Scan::default();
        loop {
            let piece = self.from.fill_buf()?;
            if piece.is_empty() {
                // A number or a word ends with the file.
                if scan.depth == 0 && !scan.is_in_text {
                    return Ok(());
                }
                return Err(StreamError::malformed(self.line, "the value is not complete"));
            }
            let (taken, is_complete) = scan.take(piece);
            self.line += std::mem::take(&mut scan.lines);
            self.too_long |= self.value.len() + taken > MAX_VALUE_BYTES;
            if !self.too_long {
                self.value.extend_from_slice(&piece[..taken]);
            }
            self.from.consume(taken);
            if is_complete {
                return Ok(());
            }
        }
    }

    /// The text of the value that was read last; the error is the reason if it is too long or not UTF-8.
    pub(super) fn text(&self) -> Result<&str, String> {
        if self.too_long {
            return Err(format!("is longer than {MAX_VALUE_BYTES} bytes"));
        }
        std::str::from_utf8(&self.value).map_err(|_| "is not valid UTF-8".to_owned())
    }
}

/// Finds the end of a value.
#[derive(Default)]
struct Scan {
    /// Objects and lists that are open.
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
    /// Ends of lines that were passed and not counted yet.
    lines: u64,
}

impl Scan {
    /// The number of bytes that belong to the value, and whether it ends with them.
    fn take(&mut self, piece: &[u8]) -> (usize, bool) {
        for (at, byte) in piece.iter().enumerate() {
            if *byte == b'\n' && (self.depth > 0 || self.is_in_text) {
                self.lines += 1;
            }
            if self.is_in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.is_in_text = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.is_in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return (at, true),
                _ => {}
            }
        }
        (piece.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(text: &[u8], piece_bytes: usize) -> Vec<String> {
        let mut reader = JsonValuesReader::new(BufReader::with_capacity(piece_bytes, text));
        let mut seen = Vec::new();
        loop {
            match reader.advance() {
                Ok(Some(line)) => seen.push(match reader.text() {
                    Ok(text) => format!("{line} {text}"),
                    Err(reason) => format!("{line}! {reason}"),
                }),
                Ok(None) => return seen,
                Err(StreamError::Malformed { line, reason }) => {
                    seen.push(format!("{line}!! {reason}"));
                    return seen;
                }
                Err(StreamError::Io(error)) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn values_are_divided_whatever_their_lines() {
        for (text, expected) in [
            ("", vec![]),
            ("{}\n{\"a\":1}\n", vec!["1 {}", "2 {\"a\":1}"]),
            ("\u{feff}{\n \"a\": [1,\n 2]\n}\n", vec!["1 {\n \"a\": [1,\n 2]\n}"]),
            ("[\n {\"a\":\"]}\\\"\"},\n {\"b\":{}} ]\n", vec!["2 {\"a\":\"]}\\\"\"}", "3 {\"b\":{}}"]),
            ("[]", vec![]),
            ("[1, \"x,\" , null]", vec!["1 1", "1 \"x,\"", "1 null"]),
            ("[[1],{}]", vec!["1 [1]", "1 {}"]),
            ("{}7", vec!["1 {}", "1 7"]),
            ("[{}", vec!["1 {}", "1!! the list is not closed"]),
            ("{\"a\":\n[", vec!["2!! the value is not complete"]),
            ("{}\n}", vec!["1 {}", "2!! a value is expected, found `}`"]),
            (", {}", vec!["1!! a value is expected, found `,`"]),
        ] {
            for piece_bytes in [1, 3, 1_000] {
                assert_eq!(read(text.as_bytes(), piece_bytes), expected, "{text} in {piece_bytes}");
            }
        }
        assert_eq!(read(b"[\"\xff\", {}]", 100), ["1! is not valid UTF-8", "1 {}"]);
        let long = format!("[\"{}\",{{}}]", "x".repeat(MAX_VALUE_BYTES));
        assert_eq!(read(long.as_bytes(), 1 << 16), ["1! is longer than 16777216 bytes", "1 {}"]);
    }
}
