//! The last lines a child wrote.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::super::mask::mask;

/// Lines kept.
const LINES: usize = 40;
/// Longest line kept, in bytes; the rest of it is dropped.
const LINE_BYTES: usize = 500;

/// The end of a child's output, secrets masked. Reading never stops, so that the child never waits for us.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    pub(super) fn follow(mut output: pipe::Receiver) -> Self {
        let tail = Self::default();
        let lines = Arc::clone(&tail.0);
        tokio::spawn(async move {
            let mut chunk = [0; 4096];
            let mut line = Vec::with_capacity(LINE_BYTES);
            while let Ok(read @ 1..) = output.read(&mut chunk).await {
                for byte in &chunk[..read] {
                    if *byte == b'\n' {
                        keep(&lines, &line);
                        line.clear();
                    } else if line.len() < LINE_BYTES {
                        line.push(*byte);
                    }
                }
            }
            keep(&lines, &line);
        });
        tail
    }

    /// The lines, oldest first.
    pub(in super::super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn keep(lines: &Mutex<VecDeque<String>>, line: &[u8]) {
    if line.is_empty() {
        return;
    }
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() == LINES {
        lines.pop_front();
    }
    lines.push_back(mask(&String::from_utf8_lossy(line)));
}
