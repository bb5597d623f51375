//! Takes secrets out of what a browser says.

/// Names whose values let their holder into a meeting or an account.
const NAMES: [&str; 9] = ["sessiontoken", "checksum", "password", "authtoken", "auth_token", "jsessionid", "token", "secret", "credential"];

/// The text with the values of secret parameters (`sessionToken=…`, `"authToken":"…"`) replaced by `…`.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((value_from, value_to)) = next_secret(rest) {
        masked.push_str(&rest[..value_from]);
        masked.push('…');
        rest = &rest[value_to..];
    }
    masked.push_str(rest);
    masked
}

/// Where the first secret value of the text begins and ends.
fn next_secret(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let (at, name) = NAMES.iter().filter_map(|name| lower[from..].find(name).map(|at| (from + at, name.len()))).min()?;
        let after = at + name;
        if let Some(gap) = separator(&text.as_bytes()[after..]) {
            let value = after + gap;
            let length = text[value..].find(is_end).unwrap_or(text.len() - value);
            if length > 0 && !text[value..].starts_with('…') {
                return Some((value, value + length));
            }
        }
        from = after;
    }
}

/// How many bytes lie between a name and its value: `=`, `%3D`, or `":"` with blanks; `None` where it is no name of a value.
fn separator(after: &[u8]) -> Option<usize> {
    if after.len() >= 3 && after[..3].eq_ignore_ascii_case(b"%3d") {
        return Some(3);
    }
    let gap = after.iter().take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b':' | b'=')).count();
    after[..gap].iter().any(|byte| matches!(byte, b':' | b'=')).then_some(gap)
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | '"' | '\'' | '`' | ')' | '}' | ']' | '#' | ';' | ',' | '<' | '>' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (text, masked) in [
            ("GET https://b/html5client/?sessionToken=abc123&x=1 failed", "GET https://b/html5client/?sessionToken=…&x=1 failed"),
            ("join?fullName=Bot&checksum=ff00", "join?fullName=Bot&checksum=…"),
            (r#"{"authToken":"s3cret","ok":true}"#, r#"{"authToken":"…","ok":true}"#),
            ("redirect=%2F%3FsessionToken%3Dabc", "redirect=%2F%3FsessionToken%3D…"),
            ("JSESSIONID: 77; path=/", "JSESSIONID: …; path=/"),
            ("a tokenizer and a token bucket", "a tokenizer and a token bucket"),
            ("no secret here", "no secret here"),
            ("token=a token=b", "token=… token=…"),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    proptest! {
        #[test]
        fn no_token_survives(before in "[a-zA-Zé ?&=]{0,20}", after in "[a-zA-Z ß&=]{0,20}") {
            let masked = mask(&format!("{before}&sessionToken=XYZZY42&{after}"));
            prop_assert!(!masked.contains("XYZZY42"));
        }

        #[test]
        fn any_text_is_taken(text in ".{0,200}") {
            let masked = mask(&text);
            prop_assert_eq!(mask(&masked), masked);
        }
    }
}
