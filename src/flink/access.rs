use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Duration, SecretSource};

/// Where a Flink REST endpoint or SQL gateway is, and how to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// Base URLs, such as `http://jm-1:8081` or `https://proxy/flink/prod`. Several are tried in turn.
    #[schemars(length(min = 1))]
    pub addresses: Vec<String>,
    /// How to authenticate.
    #[serde(default)]
    pub auth: Auth,
    /// A PEM file of certificate authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long one address may take to answer.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,
}

/// How to authenticate at the endpoint (Flink itself has none: a proxy in front of it asks).
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
        Self { addresses: addresses.into_iter().map(Into::into).collect(), auth: Auth::None, ca_file: None, timeout: default_timeout() }
    }
}
