//! Descriptions: Markdown in, HTML out that can do nothing. HTML that somebody types is shown as the text it is.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// What may stand in a description. The parser makes nothing else; this is the second wall.
static WALL: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "p",
        "br",
        "hr",
        "h3",
        "h4",
        "strong",
        "em",
        "del",
        "a",
        "ul",
        "ol",
        "li",
        "blockquote",
        "code",
        "pre",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ];
    let mut wall = Builder::empty();
    wall.tags(HashSet::from(tags))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href", "title"])), ("ol", HashSet::from(["start"]))]))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true);
    wall
});

/// The HTML of a description. Pictures become links to them: a page shows nothing from elsewhere.
pub fn html(markdown: &str) -> String {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let mut made = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut made, Parser::new_ext(markdown, options).map(plain));
    WALL.clean(&made).to_string()
}

/// Turns what a description does not have into what it has: HTML into text, headings into small ones, pictures into links.
fn plain(event: Event<'_>) -> Event<'_> {
    let heading =
        |level| if matches!(level, HeadingLevel::H1 | HeadingLevel::H2 | HeadingLevel::H3) { HeadingLevel::H3 } else { HeadingLevel::H4 };
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Start(Tag::Heading { level: heading(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(heading(level))),
        Event::Start(Tag::Image { link_type, dest_url, title, .. }) => {
            Event::Start(Tag::Link { link_type, dest_url, title, id: CowStr::Borrowed("") })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

/// The words of a description on one line, at most so many characters: for cards and for those who link to the room.
pub fn words(markdown: &str, characters: usize) -> String {
    let mut text = String::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES) {
        match event {
            Event::Text(piece) | Event::Code(piece) | Event::Html(piece) | Event::InlineHtml(piece) => text.push_str(&piece),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => text.push(' '),
            _ => {}
        }
        if text.len() > characters * 8 {
            break;
        }
    }
    // An end of a word in bold is no end of a word.
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",").replace(" .", ".");
    match line.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(
            html("Hello **world**, [here](https://example.org/a?b=1&c)."),
            "<p>Hello <strong>world</strong>, <a href=\"https://example.org/a?b=1&amp;c\" rel=\"noopener noreferrer nofollow\">here</a>.</p>\n"
        );
        assert_eq!(html("# Big\n\n- one\n- ~~two~~"), "<h3>Big</h3>\n<ul>\n<li>one</li>\n<li><del>two</del></li>\n</ul>\n");
        assert!(html("| a |\n|---|\n| b |").contains("<td>b</td>"));
        assert_eq!(
            html("![cat](https://example.org/cat.gif)"),
            "<p><a href=\"https://example.org/cat.gif\" rel=\"noopener noreferrer nofollow\">cat</a></p>\n"
        );
    }

    #[test]
    fn html_is_text_and_nothing_runs() {
        assert_eq!(html("First.\n\n<script>alert(1)</script>"), "<p>First.</p>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
        for evil in [
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](&#106;avascript:alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "[x](vbscript:x)",
            "<javascript:alert(1)>",
            "![x](javascript:alert(1))",
            "[x](https://a.example/\"onmouseover=\"alert(1))",
            "<svg><script>alert(1)</script></svg>",
            "<a href='javascript:x'>y</a>",
            "```html\n<script>alert(1)</script>\n```",
            "<!-- <b> --> <iframe src=//evil.example>",
            "# <style>*{display:none}</style>",
        ] {
            let made = html(evil);
            let is_harmless =
                ["<script", "<img", "<svg", "<iframe", "<style", "href=\"javascript", "href=\"data", "href=\"vbscript", "=\"alert"];
            for word in is_harmless {
                assert!(!made.to_lowercase().contains(word), "{evil} became {made}");
            }
        }
    }

    #[test]
    fn words_are_plain_and_short() {
        assert_eq!(
            words("# Title\n\nSome **bold** words, [a link](https://x.example) <b>and</b> more", 200),
            "Title Some bold words, a link <b>and</b> more"
        );
        assert_eq!(words(&"word ".repeat(100), 12), "word word wo…");
        assert_eq!(words("", 10), "");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_tag_that_is_not_on_the_list(text in "[\\PC<>\\[\\]()!`*_:/\"'&#\n]{0,120}") {
            let made = html(&text);
            let again = WALL.clean(&made).to_string();
            prop_assert_eq!(again, made);
        }
    }
}
