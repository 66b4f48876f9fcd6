//! YAML that knows where it was written: one parse gives a tree of nodes with spans; values are deserialised from that tree,
//! and checks find the place of anything by its path.
//!
//! Written on saphyr's events instead of through `yaml_serde`, which stops at the first mistake and gives it as text: here
//! every mistake of a file is found (see [`load`]) and carries its span, its candidates and its hint.

mod deserialize;
mod load;
mod tree;

pub(crate) use load::way;
pub use load::{Loaded, Step, load};
pub use tree::{Entry, Node, Scalar, Value, parse};
