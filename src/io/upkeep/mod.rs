//! The upkeep of a key store: what stands in it, rotation, backups, the history of signing keys. `lethe keys` asks for it.
//!
//! The embedded store serves one process. So an [`Order`] is carried out by whoever has the store open: by the command itself,
//! or, while `lethe run` has it, by the service, which is asked through a socket in the store's folder (`control`): whoever
//! may open that folder may give orders, and nobody else.

mod backup;
mod control;
mod order;
mod rotation;
mod status;

pub use backup::{Restored, restore};
pub use control::{Answer, Control, ask};
pub use order::{Order, Premises, Said, UpkeepError, carry_out, history};
pub use rotation::{Part, Progress, Rotation};
pub use status::{KeysStatus, status};
