//! A text whose every line ends with one line feed, the last one too, so that lines can be counted.

use std::io::{self, BufRead, Read};

/// Reads a text line by line and hands it on with `\n` for `\r\n`.
pub(super) struct UnixLines<R> {
    input: R,
    line: Vec<u8>,
    given: usize,
}

impl<R: BufRead> UnixLines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), given: 0 }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.line.clear();
        self.given = 0;
        if self.input.read_until(b'\n', &mut self.line)? > 0 {
            while self.line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                self.line.pop();
            }
            self.line.push(b'\n');
        }
        Ok(())
    }
}

impl<R: BufRead> Read for UnixLines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.line.len() {
            self.fill()?;
        }
        let rest = &self.line[self.given..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}
