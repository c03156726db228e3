//! Where the judge is, and the key it is asked with.

use std::{fmt, net::IpAddr};

use ureq::http::{HeaderValue, Uri};

/// Longest address that is read, in bytes.
const LONGEST: usize = 2000;

/// Shortest run of the key's characters that is struck out of what an endpoint says.
const TELLTALE: usize = 6;

/// An endpoint of the chat-completions protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    shown: String,
    host: String,
    encrypted: bool,
}

impl Address {
    /// Reads `http://localhost:8080`, `https://api.openai.com/v1`, or a whole address that ends in `/chat/completions`.
    ///
    /// # Errors
    /// It is no such address, or it holds a password. The message does not repeat the address, which may hold a secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        const ADVICE: &str = "write http://HOST:PORT or https://HOST/v1";
        if text.len() > LONGEST {
            return Err(format!("the judge's address is longer than {LONGEST} bytes; {ADVICE}"));
        }
        let uri: Uri = text.trim().parse().map_err(|_| format!("the judge's address is no URL; {ADVICE}"))?;
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let (true, Some(authority)) = (["http", "https"].contains(&scheme.as_str()), uri.authority()) else {
            return Err(format!("the judge's address must begin with http:// or https://; {ADVICE}"));
        };
        if authority.as_str().contains('@') {
            return Err("a key does not belong into the judge's address: set DELTAW_JUDGE_KEY".to_owned());
        }
        let base = uri.path().trim_end_matches('/');
        let path = match base {
            "" => "/v1/chat/completions".to_owned(),
            whole if whole.ends_with("/chat/completions") => whole.to_owned(),
            base => format!("{base}/chat/completions"),
        };
        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        let shown = format!("{scheme}://{authority}");
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        Ok(Self { url: format!("{shown}{path}{query}"), shown, host, encrypted: scheme == "https" })
    }

    /// The whole address that questions go to.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn is_openai(&self) -> bool {
        self.encrypted && (self.host == "openai.com" || self.host.ends_with(".openai.com"))
    }
}

/// Scheme, host and port: a path or a query may hold a secret.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A key, which is sent and never shown.
#[derive(Clone)]
pub struct Key {
    secret: String,
    header: HeaderValue,
}

impl Key {
    /// The key for `address`: `own` (`DELTAW_JUDGE_KEY`) goes to any endpoint; `openai` (`OPENAI_API_KEY`), which many
    /// machines hold for other programs, goes only to OpenAI.
    ///
    /// # Errors
    /// It holds characters that no header can carry. The message does not repeat it.
    pub fn choose(address: &Address, own: Option<&str>, openai: Option<&str>) -> Result<Option<Self>, String> {
        let filled = |key: &&str| !key.trim().is_empty();
        let openai = openai.filter(|_| address.is_openai());
        let Some(secret) = own.filter(filled).or(openai.filter(filled)) else { return Ok(None) };
        let secret = secret.trim().to_owned();
        let mut header = HeaderValue::from_str(&format!("Bearer {secret}"))
            .map_err(|_| "the judge's key holds a line break or another character that no key has".to_owned())?;
        header.set_sensitive(true);
        Ok(Some(Self { secret, header }))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// A warning where the key would cross a network in the clear.
    #[must_use]
    pub fn warning(&self, address: &Address) -> Option<String> {
        let open = !address.encrypted && !address.is_local();
        open.then(|| format!("the key travels unencrypted to {address}; anyone on the way can read it: use https://"))
    }

    /// `text` without the key and without words that hold a piece of it, as endpoints repeat it masked.
    pub(super) fn strike(&self, text: &str) -> String {
        let letters: Vec<char> = self.secret.chars().collect();
        let pieces: Vec<String> =
            letters.windows(TELLTALE.min(letters.len())).map(|piece| piece.iter().collect()).collect();
        let told = |word: &str| pieces.iter().any(|piece| word.contains(piece.as_str()));
        text.split_whitespace().map(|word| if told(word) { "[key]" } else { word }).collect::<Vec<_>>().join(" ")
    }
}

/// Says that there is one.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([hidden])")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_completed() {
        for (text, url) in [
            ("http://localhost:8080", "http://localhost:8080/v1/chat/completions"),
            ("http://localhost:8080/", "http://localhost:8080/v1/chat/completions"),
            ("HTTPS://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("https://h/v1beta/openai", "https://h/v1beta/openai/chat/completions"),
            ("https://h/x/chat/completions?api-version=1", "https://h/x/chat/completions?api-version=1"),
        ] {
            assert_eq!(Address::parse(text).unwrap().url(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in
            ["", "localhost:8080", "ftp://h", "http://", "file:///etc/passwd", "http://me:s3cret@h/v1", "s3cret"]
        {
            let error = Address::parse(text).unwrap_err();
            assert!(!error.contains("s3cret") && error.lines().count() == 1, "{text}: {error}");
        }
        assert!(Address::parse(&format!("http://h/{}", "a".repeat(3000))).is_err());
    }

    #[test]
    fn each_key_goes_where_it_belongs() {
        let openai = Address::parse("https://api.openai.com/v1").unwrap();
        let plain = Address::parse("http://api.openai.com/v1").unwrap();
        let other = Address::parse("https://openai.com.evil.example").unwrap();
        let key = |address, own, theirs| Key::choose(address, own, theirs).unwrap().map(|key| key.secret);
        assert_eq!(key(&openai, None, Some("theirs")), Some("theirs".to_owned()));
        assert_eq!(key(&openai, Some("own"), Some("theirs")), Some("own".to_owned()));
        assert_eq!(key(&openai, Some(" "), Some("theirs\n")), Some("theirs".to_owned()));
        assert_eq!(key(&plain, None, Some("theirs")), None);
        assert_eq!(key(&other, None, Some("theirs")), None);
        assert_eq!(key(&other, Some("own"), None), Some("own".to_owned()));
        assert!(Key::choose(&other, Some("a\nb"), None).is_err_and(|error| !error.contains("a\nb")));
    }

    #[test]
    fn a_key_in_the_clear_is_warned_of_and_never_shown() {
        let key = |address: &Address| Key::choose(address, Some("sk-12345678"), None).unwrap().unwrap();
        for (text, open) in [
            ("http://192.0.2.1:80", true),
            ("https://192.0.2.1", false),
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(key(&address).warning(&address).is_some(), open, "{text}");
        }
        let address = Address::parse("http://localhost").unwrap();
        assert_eq!(format!("{:?}", key(&address)), "Key([hidden])");
        assert_eq!(
            key(&address).strike("Incorrect key: sk-12345678, or sk-123***78. See sk-help"),
            "Incorrect key: [key] or [key] See sk-help"
        );
    }
}
