//! BBB's XML as a small tree. A tree, because a field that is odd or missing in one release must not hide all the others.

use quick_xml::Reader;
use quick_xml::errors::IllFormedError;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// BBB nests six deep.
const MAX_DEPTH: usize = 32;
/// 4 MiB of real answers hold no more; of `<b/>` they would hold a million, and a hundred megabytes of memory.
const MAX_ELEMENTS: usize = 200_000;

/// An element: its text, CDATA or not, and its children.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

/// Why a text is no document of BBB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum XmlError {
    /// It ends before its elements do.
    Truncated,
    /// It is not well-formed, nested too deep, too long, or uses entities of its own.
    Malformed,
}

impl Element {
    /// Reads a document. Attributes, comments and document types mean nothing here.
    pub(super) fn parse(xml: &str) -> Result<Self, XmlError> {
        let xml = xml.trim_start_matches('\u{feff}').trim_start();
        let mut reader = Reader::from_str(xml);
        // BBB makes elements of names that came with somebody's join; `<a b>…</a b>` must not cost us the list of meetings.
        reader.config_mut().check_end_names = false;
        let mut open: Vec<Self> = Vec::new();
        let mut elements = 0;
        loop {
            let event = reader.read_event().map_err(|error| {
                let rest = usize::try_from(reader.error_position()).ok().and_then(|at| xml.get(at..)).unwrap_or_default();
                of_reader(&error, rest)
            })?;
            match event {
                Event::Start(start) => {
                    elements += 1;
                    if open.len() == MAX_DEPTH || elements > MAX_ELEMENTS {
                        return Err(XmlError::Malformed);
                    }
                    open.push(Self { name: start.local_name().as_ref().to_owned(), ..Self::default() });
                }
                Event::Empty(empty) => {
                    elements += 1;
                    let done = Self { name: empty.local_name().as_ref().to_owned(), ..Self::default() };
                    match open.last_mut() {
                        Some(parent) if elements <= MAX_ELEMENTS => parent.children.push(done),
                        Some(_) => return Err(XmlError::Malformed),
                        None => return Ok(done),
                    }
                }
                Event::End(_) => {
                    let done = open.pop().ok_or(XmlError::Malformed)?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Ok(done),
                    }
                }
                Event::Text(text) => append(&mut open, &text.xml10_content()),
                Event::CData(text) => append(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|_| XmlError::Malformed)?;
                    match (character, resolve_predefined_entity(&reference)) {
                        (Some(character), _) => append(&mut open, character.encode_utf8(&mut [0; 4])),
                        (None, Some(text)) => append(&mut open, text),
                        (None, None) => return Err(XmlError::Malformed),
                    }
                }
                Event::Eof => return Err(if open.is_empty() { XmlError::Malformed } else { XmlError::Truncated }),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn children(&self) -> &[Self] {
        &self.children
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// This element's own text, as it is.
    pub(super) fn own_text(&self) -> &str {
        &self.text
    }

    /// A child's text as it is; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.child(name).map_or("", Self::own_text)
    }

    /// A child's text without the white space around it.
    pub(super) fn word(&self, name: &str) -> &str {
        self.text(name).trim()
    }

    /// A whole number; zero where there is none. Some of BBB's are written for people, in groups: `1,024`.
    pub(super) fn number<T: std::str::FromStr + Default>(&self, name: &str) -> T {
        let grouping = |letter: char| matches!(letter, ',' | '.' | '\'' | '\u{2019}') || letter.is_whitespace();
        let digits: String = self.word(name).chars().filter(|letter| !grouping(*letter)).collect();
        digits.parse().unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.word(name).eq_ignore_ascii_case("true")
    }

    /// The elements of a list such as `<meetings><meeting>…</meeting></meetings>`, which may be empty or absent.
    pub(super) fn list<'a>(&'a self, list: &str, item: &'a str) -> impl Iterator<Item = &'a Self> {
        self.child(list).into_iter().flat_map(|list| &list.children).filter(move |child| child.name == item)
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn of_reader(error: &quick_xml::Error, rest: &str) -> XmlError {
    match error {
        quick_xml::Error::Syntax(_) => XmlError::Truncated,
        quick_xml::Error::IllFormed(IllFormedError::UnclosedReference) if !rest.contains('<') => XmlError::Truncated,
        _ => XmlError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_comes_in_every_way_of_writing_it() {
        let xml = "\u{feff}<?xml version=\"1.0\"?>\n<!-- x --><response a=\"b\"><a>x &amp; y &#60;&#x3e; \u{e4}</a><b><![CDATA[<i>&amp;</i>]]></b><c/>\
                   <d></d><a>second</a><e>1<![CDATA[2]]>3</e></response>";
        let root = Element::parse(xml).unwrap();
        assert_eq!(root.name(), "response");
        assert_eq!(root.text("a"), "x & y <> \u{e4}");
        assert_eq!(root.text("b"), "<i>&amp;</i>");
        assert_eq!((root.text("c"), root.text("d"), root.text("none")), ("", "", ""));
        assert_eq!(root.number::<u32>("e"), 123);
        assert_eq!(root.number::<u32>("a"), 0);
    }

    #[test]
    fn names_and_numbers_are_taken_as_bbb_writes_them() {
        let root = Element::parse("<r><c><a b>1</a b><1x>2</1x></c><n>1,024</n><m>-1</m><o>1\u{a0}024 </o></r>").unwrap();
        assert_eq!((root.number::<u32>("n"), root.number::<i64>("m"), root.number::<u32>("o")), (1024, -1, 1024));
        assert_eq!(root.child("c").unwrap().children().len(), 2);
    }

    #[test]
    fn lists_may_be_full_empty_or_missing() {
        for (xml, count) in [
            ("<r><l><i>1</i><i>2</i></l></r>", 2),
            ("<r><l>\n <i>1</i>\n</l></r>", 1),
            ("<r><l></l></r>", 0),
            ("<r><l/></r>", 0),
            ("<r/>", 0),
        ] {
            assert_eq!(Element::parse(xml).unwrap().list("l", "i").count(), count, "{xml}");
        }
    }

    #[test]
    fn half_documents_are_told_from_nonsense() {
        for half in ["<response><a>1</a>", "<response><a>1", "<response><a", "<response><![CDATA[x", "<response>x &am"] {
            assert_eq!(Element::parse(half).unwrap_err(), XmlError::Truncated, "{half}");
        }
        for nonsense in ["", "hello", "</a>", "<a>&unknown;</a>", "<a>&#xFFFFFFFF;</a>", "<a>b & c</a>"] {
            assert_eq!(Element::parse(nonsense).unwrap_err(), XmlError::Malformed, "{nonsense}");
        }
    }

    #[test]
    fn bombs_do_not_go_off() {
        let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><response><version>&b;</version></response>";
        assert_eq!(Element::parse(laughs).unwrap_err(), XmlError::Malformed);
        let file = "<!DOCTYPE r [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><response><version>&f;</version></response>";
        assert_eq!(Element::parse(file).unwrap_err(), XmlError::Malformed);
        assert_eq!(Element::parse(&"<a>".repeat(1_000_000)).unwrap_err(), XmlError::Malformed);
        assert_eq!(Element::parse(&format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS + 1))).unwrap_err(), XmlError::Malformed);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(xml in "[<>/!?&;#x\\[\\]\\-CDATa-z\" =]{0,200}") {
            let _ = Element::parse(&xml);
        }

        #[test]
        fn every_text_survives(text in "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{2028}]{0,60}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let root = Element::parse(&format!("<r><t>{escaped}</t></r>")).unwrap();
            prop_assert_eq!(root.text("t"), text);
        }
    }
}
