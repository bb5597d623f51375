//! How PulseAudio's native protocol writes values: a letter for the type, then the value, big-endian.

/// Writes a message.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn number(mut self, value: u32) -> Self {
        self.0.push(b'L');
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.push(b'x');
        self.0.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(value);
        self
    }

    /// A list of properties; their values are text.
    pub(super) fn properties(mut self, properties: &[(&str, &str)]) -> Self {
        self.0.push(b'P');
        for (name, value) in properties {
            self = self.text(name);
            let length = u32::try_from(value.len() + 1).unwrap_or(u32::MAX);
            self = self.number(length);
            let mut value = value.as_bytes().to_vec();
            value.push(0);
            self = self.bytes(&value);
        }
        self.0.push(b'N');
        self
    }

    fn text(mut self, value: &str) -> Self {
        self.0.push(b't');
        self.0.extend(value.bytes().filter(|byte| *byte != 0));
        self.0.push(0);
        self
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// One value of a message. Only what is used is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u32),
    Text(Option<String>),
    Flag(bool),
    Other,
}

/// Reads a message, value by value. Ends at its end and at what it does not understand.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Option<u32> {
        if let Some(Value::Number(value)) = self.next() { Some(value) } else { None }
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn skip(&mut self, count: usize) -> Option<Value> {
        self.take(count).map(|_| Value::Other)
    }
}

impl Iterator for Reader<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match self.take(1)?[0] {
            b'L' => self.u32().map(Value::Number),
            b'N' => Some(Value::Text(None)),
            b't' => {
                let length = self.0.iter().position(|byte| *byte == 0)?;
                let text = String::from_utf8_lossy(self.take(length)?).into_owned();
                self.take(1)?;
                Some(Value::Text(Some(text)))
            }
            b'1' => Some(Value::Flag(true)),
            b'0' => Some(Value::Flag(false)),
            // A byte, a sample format (format, channels, rate), 64 bits of several kinds, two times of 32 bits, a volume.
            b'B' => self.skip(1),
            b'a' => self.skip(6),
            b'R' | b'r' | b'U' | b'T' => self.skip(8),
            b'V' => self.skip(4),
            b'x' => {
                let length = self.u32()?;
                self.skip(usize::try_from(length).ok()?)
            }
            // A map of channels, and a volume for each channel.
            b'm' => {
                let channels = self.take(1)?[0];
                self.skip(usize::from(channels))
            }
            b'v' => {
                let channels = self.take(1)?[0];
                self.skip(4 * usize::from(channels))
            }
            b'P' => loop {
                // A name, the length of the value, the value; no name at the end.
                if self.next()? == Value::Text(None) {
                    return Some(Value::Other);
                }
                self.number()?;
                self.next()?;
            },
            b'f' => {
                // A format: its encoding, and properties.
                self.next()?;
                self.next()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let message = Writer::default().number(7).properties(&[("application.name", "bluecast")]).bytes(&[1, 2, 3]).number(9).done();
        let values: Vec<Value> = Reader(&message).collect();
        assert_eq!(values, [Value::Number(7), Value::Other, Value::Other, Value::Number(9)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Reader(&bytes).count() <= bytes.len());
        }
    }
}
