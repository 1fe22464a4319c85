//! The seam by which tests stop a store or a root keeper at any of its durable writes: a crash is a parameter of the test.

use std::fmt;
use std::sync::Arc;

/// Names of the two steps around a durable commit.
pub(super) type Around = (&'static str, &'static str);

/// A test stopped the work at this step; nothing after it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped(pub &'static str);

type Hook = dyn Fn(&'static str) -> Result<(), Stopped> + Send + Sync;

/// Told of each step before and after a durable write. Without a hook it lets everything pass.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Hook>>);

impl Steps {
    /// Calls `hook` at each step; what it returns is what happens.
    pub fn new(hook: impl Fn(&'static str) -> Result<(), Stopped> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(super) fn reached(&self, step: &'static str) -> Result<(), Stopped> {
        self.0.as_ref().map_or(Ok(()), |hook| hook(step))
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(hooked)" } else { "Steps" })
    }
}
