//! Event, findings and verdict to one [`Decision`]: class, treatment of each finding, destination, retention, who may restore.
//!
//! A pure function of its arguments; it does no IO and changes no text.
