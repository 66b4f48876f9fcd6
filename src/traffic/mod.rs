//! What squall sends: shapes, keys, values, event times, the open-loop producer, and what was acknowledged.

pub mod identity;

pub use identity::{Identity, IdentityError, Placement};
