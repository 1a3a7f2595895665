//! Lines of a pipe, none longer than a cap: a diff or a module's output may be of any size.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// No event of ours needs more.
const LONGEST: usize = 8 * 1024 * 1024;

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its bytes, without the line's end.
    Whole(Vec<u8>),
    /// It was longer than the cap; how long.
    TooLong(usize),
}

/// Reads lines. May be dropped while it waits without losing any.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    held: Vec<u8>,
    length: usize,
    longest: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: R) -> Self {
        Self::with_longest(pipe, LONGEST)
    }

    fn with_longest(pipe: R, longest: usize) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, pipe), held: Vec::new(), length: 0, longest }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok((self.length > 0).then(|| self.take()));
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            self.length += part.len();
            if self.length <= self.longest {
                self.held.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> Line {
        let (held, length) = (std::mem::take(&mut self.held), std::mem::take(&mut self.length));
        if length > self.longest { Line::TooLong(length) } else { Line::Whole(held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_measured_and_those_around_them_are_whole() {
        let text = format!("one\n{}\n\nlast", "x".repeat(200_000));
        let mut lines = Lines::with_longest(text.as_bytes(), 100_000);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await.expect("reads") {
            seen.push(line);
        }
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(seen, [whole("one"), Line::TooLong(200_000), whole(""), whole("last")]);
    }
}
