//! What a record of the deletion topic asks for: to erase, to hold, to lift a hold, to say how things stand, or who
//! somebody is.
//!
//! ```json
//! {"action": "hold", "tenant": "acme", "subject": "user-17", "hold": "case-9", "reason": "litigation",
//!  "authority": "court:berlin", "by": "legal:m.weber"}
//! {"action": "lift", "tenant": "acme", "hold": "case-9", "by": "legal:m.weber"}
//! {"action": "status", "about": "r-1"}
//! {"action": "find", "tenant": "acme", "identifier": {"kind": "EMAIL", "value": "ada@example.org"}}
//! ```
//!
//! Each gets an answer on the receipts topic and a fact. Reading them is in `request.rs`, with what they have in common.

use super::hold::Hold;
use super::request::Request;
use crate::audit::Name;
use crate::event::TenantId;
use crate::keys::KeyId;

/// A well-formed record of the deletion topic.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// Forget.
    Erase(Request),
    /// Keep, whoever asks to forget.
    Hold(Hold),
    /// A hold ends.
    Lift(Lift),
    /// What is open?
    Status(Question),
    /// Under whom was an identifier sealed?
    Find(Found),
}

/// Who was found by an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The question's own id.
    pub id: Name,
    /// Whose customers.
    pub tenant: TenantId,
    /// The subjects.
    pub subjects: Vec<KeyId>,
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lift {
    /// The instruction's own id.
    pub id: Name,
    /// Whose hold; none for one on a retention class.
    pub tenant: Option<TenantId>,
    /// Its reference.
    pub hold: Name,
    /// Who lifts it.
    pub by: Name,
}

/// A question about open requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question's own id.
    pub id: Name,
    /// About requests of this tenant; of all where none is named.
    pub tenant: Option<TenantId>,
    /// About this request alone.
    pub about: Option<Name>,
}
