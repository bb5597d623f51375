//! Messages over a pipe: JSON texts, each ended by a zero byte.

/// Longest message taken: a screenshot has some megabytes.
const LONGEST: usize = 48 * 1024 * 1024;

/// Puts chunks together to messages. One that is too long is left out, and reading goes on after it.
#[derive(Debug, Default)]
pub(super) struct Frames {
    begun: Vec<u8>,
    skipping: bool,
}

impl Frames {
    /// Takes a chunk, hands each message that it completes to `take`.
    pub(super) fn push(&mut self, chunk: &[u8], take: impl FnMut(&[u8])) {
        self.push_limited(chunk, LONGEST, take);
    }

    fn push_limited(&mut self, mut chunk: &[u8], longest: usize, mut take: impl FnMut(&[u8])) {
        while let Some(end) = chunk.iter().position(|byte| *byte == 0) {
            self.keep(&chunk[..end], longest);
            if !self.skipping {
                take(&self.begun);
            }
            self.skipping = false;
            // Most messages are small: what a screenshot needed is not kept for ever.
            self.begun.clear();
            self.begun.shrink_to(64 * 1024);
            chunk = &chunk[end + 1..];
        }
        self.keep(chunk, longest);
    }

    fn keep(&mut self, part: &[u8], longest: usize) {
        if self.begun.len() + part.len() > longest {
            self.skipping = true;
            self.begun = Vec::new();
        }
        if !self.skipping {
            self.begun.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages(chunks: &[&[u8]], longest: usize) -> Vec<Vec<u8>> {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        for chunk in chunks {
            frames.push_limited(chunk, longest, |message| found.push(message.to_vec()));
        }
        found
    }

    #[test]
    fn too_long_a_message_is_left_out_and_the_next_is_read() {
        assert_eq!(messages(&[b"abc\0defg", b"hij\0kl", b"\0"], 4), [b"abc".to_vec(), b"kl".to_vec()]);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(texts in prop::collection::vec("[a-z]{0,20}", 0..10), cut in 1usize..9) {
            let stream: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
            let chunks: Vec<&[u8]> = stream.chunks(cut).collect();
            let expected: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
            prop_assert_eq!(messages(&chunks, 100), expected);
        }
    }
}
