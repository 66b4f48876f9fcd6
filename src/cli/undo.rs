//! `squall status`, `squall undo`, `squall guard`.

use super::arguments::{Guard, Status, Undo};
use super::{Exit, Failure};

pub(super) async fn status(_: &Status) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::ToolError, "pending"))
}
pub(super) async fn undo(_: &Undo) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::ToolError, "pending"))
}
pub(super) async fn guard(arguments: &Guard) -> Result<Exit, Failure> {
    super::cluster::print("watching\n")?;
    while crate::guard::is_alive((arguments.parent, arguments.start_ticks)) {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(Exit::Met)
}
