//! YAML to a checked [`Pipeline`]; the core's front door: [`Pipeline::plan`], [`Plan::apply`], [`Effects`]. It never waits.

mod effects;
mod outgoing;
mod plan;
mod quarantine;
mod restore;
mod sanitize;

pub use effects::{Effects, OutRecord};
pub use plan::{Pipeline, Plan};
