//! What squall sends: shapes, keys, values, event times, the open-loop producer, and what was acknowledged.

mod check;
mod dice;
mod event_time;
mod example;
pub mod identity;
mod keys;
mod picture;
mod recipe;
mod schedule;
mod send;
mod shape;
mod stream;
mod value;

pub use check::Problem;
pub use dice::Dice;
pub use event_time::{EventTime, Late};
pub use example::Example;
pub use identity::{Identity, IdentityError, Placement};
pub use keys::{Alias, Churn, Distinct, Hot, Key, KeyBuffer, KeyError, KeyTable, Keys, Pick, Picker, SHARDS, Skew, Zipf};
pub use picture::Picture;
pub use recipe::{Active, Buffers, Made, Mark, Recipe, RecipeError};
pub use schedule::{Cursor, Schedule};
pub use send::{
    Accounts, AckSink, Before, ChangeShare, Input, Outcome, PartitionProgress, Progress, Settings, Settled, Slice, SliceError,
    StreamProgress, SurgeShare, Traffic, TrafficError, Window,
};
pub use shape::{Arrivals, Backlog, Block, Burst, Closed, Curve, Laid, Ramp, Shape, ShapeError, Sine, Spike, Step, Stretch, Trace};
pub use stream::{Stream, Transactions};
pub use value::{Between, Field, Filler, Lines, LinesError, Loaded, Lognormal, Number, Order, Sizes, Template, Text, TimeFormat, Value};
