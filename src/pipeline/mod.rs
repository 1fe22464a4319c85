//! YAML to a checked [`Pipeline`]; the core's front door: [`Pipeline::plan`], [`Plan::apply`], [`Effects`]. It never waits.
