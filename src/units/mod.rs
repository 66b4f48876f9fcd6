//! Quantities as people write them: `250ms`, `5k/s`, `512B`, `100k`, `10%`.
//!
//! Each type parses ([`std::str::FromStr`]), prints ([`std::fmt::Display`], in the form that it parses),
//! (de)serialises as that text, and describes itself in the JSON schema. [`display`] is the only place that
//! formats measured numbers for people.

mod bytes;
mod count;
pub mod display;
mod duration;
mod parse;
mod rate;
mod ratio;
mod secret;

pub use bytes::Bytes;
pub use count::Count;
pub use duration::Duration;
pub use parse::QuantityError;
pub use rate::Rate;
pub use ratio::Ratio;
pub use secret::{Secret, SecretError, SecretSource};

/// Serde and schema of a quantity that is written as text.
macro_rules! written_quantity {
    ($type:ident, $description:literal, $pattern:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::units::parse::deserialize_written(deserializer, $description)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": ["string", "number"], "description": $description, "pattern": $pattern })
            }
        }
    };
}
pub(crate) use written_quantity;
