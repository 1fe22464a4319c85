//! YAML to a checked [`Pipeline`]; the core's front door: [`Pipeline::plan`], [`Plan::apply`], [`Effects`]. It never waits.
//!
//! Configuration comes in two types: as written (`written*.rs`, `settings_written.rs`: the JSON Schema is generated from them)
//! and as true ([`PipelineConfig`], [`Settings`]). Between the two every mistake is collected, with its line and its remedy.

mod across;
mod borders;
mod build;
mod cases;
mod checked;
mod detection;
mod effects;
mod environment;
mod form;
mod keeping;
mod load;
mod meaning;
mod offline;
mod outgoing;
mod plan;
mod problem;
mod properties;
mod quarantine;
mod reading;
mod rehearse;
mod report;
mod restore;
mod sanitize;
mod settings;
mod settings_written;
mod treating;
mod units;
mod written;
mod written_cases;
mod written_rules;
mod yaml;

pub use build::Ground;
pub use cases::{Case, Expectation, ExpectedOutcome};
pub use checked::{Erase, EventType, KeyRule, PipelineConfig, Reading, Restore, Sanitize, Work};
pub use effects::{Effects, OutRecord};
pub use load::{load, load_with_models, models_wanted, pipeline_schema};
pub use offline::OfflineKeys;
pub use plan::{Pipeline, Plan};
pub use problem::Problem;
pub use properties::Property;
pub use rehearse::{rehearse, test_keys};
pub use settings::{Batch, LogFormat, LogLevel, Root, Settings, Store, agree, settings, settings_schema};
