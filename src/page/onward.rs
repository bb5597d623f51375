//! Where a login leads: to a page of ours, never to a stranger's.

use url::Url;

/// Where to go when nothing usable was said.
const HOME: &str = "/admin";

/// The path, query and fragment of `next` where it is an address on this site.
pub(crate) fn onward(next: &str) -> String {
    let inside = || {
        // Browsers drop tabs and newlines and take `\` for `/`, so what only looks like a path may name a host.
        let site = Url::parse("http://site.invalid/").ok()?;
        let url = site.join(next).ok()?;
        let ours = next.starts_with('/') && url.origin() == site.origin() && url.username().is_empty();
        ours.then(|| url[url::Position::BeforePath..].to_owned())
    };
    // A path that begins with two slashes would be a host again when it is written out.
    inside().filter(|path| !path.starts_with("//")).unwrap_or_else(|| HOME.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_ours_are_kept() {
        for path in ["/", "/admin", "/admin#/broadcasts/1", "/watch/a%20b?lang=hi"] {
            assert_eq!(onward(path), path);
        }
    }

    #[test]
    fn strangers_are_not() {
        let strangers = [
            "",
            "admin",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "http://[",
            "/.//evil.example",
            "/x/..//evil.example",
            " //evil.example",
        ];
        for next in strangers {
            let to = onward(next);
            assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'), "{next:?} led to {to:?}");
            assert!(!to.contains("evil") || to == "/evil.example", "{next:?} led to {to:?}");
        }
    }
}
