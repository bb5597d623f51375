//! Checks of what people type into fields, refused with the field's name.

use url::Url;

use super::{Answer, Problem};

const NAME_CHARACTERS: usize = 100;
const URL_BYTES: usize = 2048;

/// A name for people: 1 to 100 characters on one line; blanks around it are taken off.
pub fn name(field: &str, text: &str) -> Answer<String> {
    line(field, text, NAME_CHARACTERS)
}

/// One line of 1 to `characters` characters; blanks around it are taken off.
pub fn line(field: &str, text: &str, characters: usize) -> Answer<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > characters || text.chars().any(char::is_control) {
        return Err(Problem::invalid(field, format!("`{field}` must be one line of 1 to {characters} characters.")));
    }
    Ok(text.to_owned())
}

/// Text of at most so many characters; line breaks and tabs are the only control characters in it.
pub fn text(field: &str, text: &str, characters: usize) -> Answer<String> {
    let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.chars().count() > characters || text.chars().any(odd) {
        return Err(Problem::invalid(field, format!("`{field}` must be text of at most {characters} characters.")));
    }
    Ok(text.to_owned())
}

/// A secret: 1 to 512 visible characters, blanks around it taken off, as they come with copying.
pub fn secret(field: &str, secret: &crate::secret::Secret) -> Answer<crate::secret::Secret> {
    let text = secret.reveal().trim();
    if text.is_empty() || text.len() > 512 || text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(Problem::invalid(field, format!("`{field}` must be 1 to 512 characters without blanks.")));
    }
    Ok(crate::secret::Secret::new(text))
}

/// An address with one of these schemes and a host, without blanks, user name, password and fragment.
pub fn url(field: &str, text: &str, schemes: &[&str]) -> Answer<Url> {
    let wrong = || {
        let wanted = schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" or ");
        Problem::invalid(field, format!("`{field}` must be an address that begins with {wanted}, without user name and password."))
    };
    let text = text.trim();
    if text.len() > URL_BYTES || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(wrong());
    }
    let url = Url::parse(text).map_err(|_| wrong())?;
    let usable = schemes.contains(&url.scheme())
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if usable { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_trimmed_and_bounded() {
        assert_eq!(name("name", "  Grüße 😀 ").unwrap(), "Grüße 😀");
        for wrong in ["", "   ", "a\nb", "a\u{7}b", &"x".repeat(101)] {
            let problem = name("title", wrong).unwrap_err();
            assert_eq!((problem.code, problem.field.as_deref()), ("invalid_field", Some("title")), "{wrong:?}");
        }
        assert!(text("description", "two\nlines\t.", 20).is_ok());
        assert!(text("description", "\u{1b}[31m", 20).is_err());
        assert_eq!(secret("secret", &crate::secret::Secret::new(" abc\n")).unwrap().reveal(), "abc");
        assert!(secret("secret", &crate::secret::Secret::new("a b")).is_err());
    }

    #[test]
    fn addresses_have_the_right_scheme_and_nothing_odd() {
        assert!(url("url", "rtmp://ome.example.org/app", &["rtmp", "rtmps"]).is_ok());
        assert!(url("url", " srt://[2001:db8::1]:9999 ", &["srt"]).is_ok());
        for wrong in
            ["", "ome.example.org", "rtmp://", "http://ome/app", "rtmp://ome/a b", "rtmp://ome/\na", "rtmp://u:p@ome/app", "rtmp:///app"]
        {
            assert!(url("url", wrong, &["rtmp", "rtmps"]).is_err(), "{wrong}");
        }
    }
}
