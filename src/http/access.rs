use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::units::{Duration, SecretSource};

/// Where an HTTP service is, and how to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// Base URLs, such as `http://jm-1:8081` or `https://proxy/flink/prod`. Several are tried in turn.
    #[schemars(length(min = 1))]
    pub addresses: Vec<String>,
    /// How to authenticate.
    #[serde(default)]
    pub auth: Auth,
    /// Further headers that are asked for, such as `X-Scope-OrgID`, and where their values are kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SecretSource>,
    /// A PEM file of certificate authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long one address may take to answer.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,
}

/// How to authenticate (Flink itself asks for nothing: a proxy in front of it does).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// HTTP Basic.
    Basic {
        /// User name.
        user: String,
        /// Where the password is kept.
        password: SecretSource,
    },
    /// `Authorization: Bearer`.
    Bearer(SecretSource),
}

fn default_timeout() -> Duration {
    Duration::from_secs(2)
}

impl Access {
    /// Plain access to `addresses` with the default time-out of 2 s: short, since a frozen JobManager accepts connections and
    /// never answers.
    pub fn to<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Self {
        Self {
            addresses: addresses.into_iter().map(Into::into).collect(),
            auth: Auth::None,
            headers: BTreeMap::new(),
            ca_file: None,
            timeout: default_timeout(),
        }
    }
}

impl Access {
    /// Files (the secret, the CA file) counted from `base`, the cluster file's folder.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        match &mut self.auth {
            Auth::Basic { password: SecretSource::File(path), .. } | Auth::Bearer(SecretSource::File(path)) => *path = base.join(&*path),
            Auth::None | Auth::Basic { .. } | Auth::Bearer(_) => {}
        }
        for source in self.headers.values_mut() {
            if let SecretSource::File(path) = source {
                *path = base.join(&*path);
            }
        }
        self.ca_file = self.ca_file.map(|file| base.join(file));
        self
    }

    /// Whether its addresses can be used; nothing is read or asked.
    ///
    /// # Errors
    /// What is wrong with the first that cannot.
    pub fn usable(&self) -> Result<(), Error> {
        self.parsed().map(drop)
    }

    pub(super) fn parsed(&self) -> Result<Vec<Address>, Error> {
        if self.addresses.is_empty() {
            return Err(Error::Address { address: String::new(), reason: "no address is given".to_owned() });
        }
        self.addresses.iter().map(|text| Address::parse(text)).collect()
    }

    /// The headers of every request, none of which shows itself.
    pub(super) fn all_headers(&self, base: &Path) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        if let Some(text) = self.auth.header(base)? {
            headers.insert(AUTHORIZATION, hidden(&text)?);
        }
        for (name, value) in &self.headers {
            let header = name.parse::<HeaderName>().map_err(|_| Error::Client(format!("`{name}` is no name of an HTTP header")))?;
            headers.insert(header, hidden(value.read(base)?.reveal())?);
        }
        Ok(headers)
    }
}

fn hidden(text: &str) -> Result<HeaderValue, Error> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| Error::Client("the secret holds characters that no HTTP header can carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Auth {
    /// The text of the `Authorization` header.
    fn header(&self, base: &Path) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::None => None,
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.read(base)?.reveal());
                Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
            }
            Self::Bearer(token) => Some(format!("Bearer {}", token.read(base)?.reveal())),
        })
    }
}

/// A base address, parsed, and as errors show it.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) url: Url,
    pub(super) shown: String,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let unusable = |address: &str, reason: &str| Error::Address { address: address.to_owned(), reason: reason.to_owned() };
        let url = Url::parse(text).map_err(|error| unusable(text, &format!("{error}; write for example http://host:8081")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable(url.host_str().unwrap_or_default(), "it carries credentials; they belong under `auth`"));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable(text, "it starts with neither http:// nor https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unusable(text, "it has a query or a fragment"));
        }
        let shown = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, shown })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Http;
    use super::*;

    #[test]
    fn unusable_settings_are_refused_before_anything_is_sent() {
        let refuse = |access: Access| Http::new(&access, Path::new("/"), str::to_owned).map(drop).unwrap_err().to_string();
        assert!(refuse(Access::to(["localhost"])).contains("write for example http://host:8081"));
        let header = BTreeMap::from([("no header".to_owned(), SecretSource::Env("PATH".to_owned()))]);
        assert!(refuse(Access { headers: header, ..Access::to(["http://h"]) }).contains("no name of an HTTP header"));
        assert!(refuse(Access::to(["ftp://host"])).contains("neither http:// nor https://"));
        assert!(refuse(Access::to(Vec::<String>::new())).contains("no address is given"));
        let credentials = refuse(Access::to(["http://ann:s3cret@host:8081"]));
        assert!(credentials.contains("belong under `auth`") && !credentials.contains("s3cret"));
        assert!(
            refuse(Access { ca_file: Some("none.pem".into()), ..Access::to(["https://h"]) }).contains("cannot use the CA file /none.pem")
        );
    }

    #[test]
    fn settings_read_as_people_write_them() {
        let access: Access =
            serde_json::from_str(r#"{"addresses":["http://a"],"auth":{"basic":{"user":"ann","password":{"env":"PW"}}},"timeout":"5s"}"#)
                .unwrap();
        assert_eq!(access.auth, Auth::Basic { user: "ann".to_owned(), password: SecretSource::Env("PW".to_owned()) });
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_value(serde_json::to_value(&access).unwrap()).unwrap();
        assert!(!fields.contains_key("ca-file"));
        assert!(serde_json::from_str::<Access>(r#"{"addresses":[],"adress":"x"}"#).is_err());
    }
}
