//! `squall schema`: JSON schemas, draft-07.

use super::arguments::{Schema, SchemaOf};
use super::cluster::print;
use super::{Exit, Failure};

pub(super) fn schema(arguments: &Schema) -> Result<Exit, Failure> {
    let schema = match arguments.of {
        SchemaOf::Scenario => crate::scenario::schema(),
        SchemaOf::Cluster => crate::cluster::schema(),
        SchemaOf::Gameday => crate::gameday::schema(),
        SchemaOf::Report => crate::report::json::schema(),
        SchemaOf::Repeats => crate::report::repeats::schema(),
        SchemaOf::Capacity => crate::report::capacity::schema(),
        SchemaOf::Comparison => crate::report::comparison::schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    print(&format!("{text}\n"))?;
    Ok(Exit::Met)
}
