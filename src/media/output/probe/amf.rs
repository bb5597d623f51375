//! As much of AMF0, the notation of RTMP's commands, as a connect and its answer need.

/// How deep an answer may nest, and how many texts of it are read.
const DEPTH: usize = 8;
const TEXTS: usize = 64;

/// A command: its name, and the texts in it with the names they stand under.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) name: String,
    texts: Vec<(String, String)>,
}

impl Command {
    /// The first text under this name.
    pub(super) fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text)
    }

    /// Reads as much as makes sense of what a server sent; nothing where it does not begin with a name.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: bytes, texts: Vec::new() };
        let name = match reader.value(0, "")? {
            Value::Text(name) => name,
            Value::Other => return None,
        };
        while !reader.rest.is_empty() && reader.value(0, "").is_some() {}
        Some(Self { name, texts: reader.texts })
    }
}

enum Value {
    Text(String),
    Other,
}

struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<(String, String)>,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn short_text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        Some(String::from_utf8_lossy(self.take(usize::from(length))?).into_owned())
    }

    fn value(&mut self, depth: usize, key: &str) -> Option<Value> {
        let kind = *self.take(1)?.first()?;
        match kind {
            0 => self.take(8).map(|_| Value::Other),
            1 => self.take(1).map(|_| Value::Other),
            2 => {
                let text = self.short_text()?;
                if self.texts.len() < TEXTS {
                    self.texts.push((key.to_owned(), text.clone()));
                }
                Some(Value::Text(text))
            }
            3 | 8 if depth < DEPTH => {
                if kind == 8 {
                    self.take(4)?;
                }
                loop {
                    let name = self.short_text()?;
                    if name.is_empty() && self.rest.first() == Some(&9) {
                        self.take(1)?;
                        return Some(Value::Other);
                    }
                    self.value(depth + 1, &name)?;
                }
            }
            5 | 6 => Some(Value::Other),
            _ => None,
        }
    }
}

/// The command `connect` to an application.
pub(super) fn connect(application: &str, tc_url: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    text(&mut bytes, "connect");
    bytes.push(0);
    bytes.extend(1.0_f64.to_be_bytes());
    bytes.push(3);
    for (name, value) in [("app", application), ("type", "nonprivate"), ("flashVer", "FMLE/3.0 (compatible; Bluecast)"), ("tcUrl", tc_url)]
    {
        bare(&mut bytes, name);
        text(&mut bytes, value);
    }
    bytes.extend([0, 0, 9]);
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(2);
    bare(bytes, text);
}

/// Addresses are shorter than 64 KiB: what does not fit is cut.
fn bare(bytes: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(&text.as_bytes()[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let command = Command::read(&connect("live2?x=1", "rtmp://host:1935/live2?x=1")).unwrap();
        assert_eq!(
            (command.name.as_str(), command.text("app"), command.text("tcUrl")),
            ("connect", "live2?x=1", "rtmp://host:1935/live2?x=1")
        );
        assert_eq!(command.text("none"), "");
    }

    proptest! {
        #[test]
        fn rubbish_never_hurts(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Command::read(&bytes);
            let _ = Command::read(&[&connect("a", "b")[..], &bytes].concat());
        }
    }
}
