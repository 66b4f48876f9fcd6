use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! flink_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// As Flink writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

flink_id!(
    /// A job: 32 hex characters. A resubmitted job has a new one; a failed-over one keeps it.
    JobId
);
flink_id!(
    /// A vertex of the job graph (a chain of operators): 32 hex characters.
    VertexId
);
