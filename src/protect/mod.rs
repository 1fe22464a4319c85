#![expect(missing_docs, reason="stub")]
//! Carries a decision out on text with keys (token, mask, hash, redact, surrogate, seal), and undoes it. It picks no keys.
use std::sync::Arc; use std::ops::Range; use crate::keys::*; use crate::event::*;
pub enum Action { Token, Redact, Mask{keep_last:u8}, Hash, Surrogate }
pub struct Work { pub slot: usize, pub range: Range<usize>, pub kind: Arc<str>, pub action: Action, pub audiences: u8 }
#[derive(Clone,Copy)] pub enum Scope { Event, Conversation, Subject, Tenant }
pub struct Sealer<'k> { pub keys: Option<&'k SealingKeys>, pub tenant_keys: Option<&'k SealingKeys>, pub digest_key: &'k DigestKey, pub tenant: Option<&'k TenantId>, pub subject: Option<KeyId>, pub bucket: BucketId, pub scope: Scope, pub scope_id: &'k [u8], pub audiences: &'k [Arc<str>] }
pub struct Protected { pub edits: Vec<Edit>, pub sidecar: Option<String> }
pub fn protect(_e:&Event<'_>, _w:&[Work], _s:&Sealer<'_>) -> Protected { todo!() }
pub struct Sidecar; pub struct SidecarProblem;
impl Sidecar { pub fn parse(_t:&str)->Result<Self,SidecarProblem>{todo!()} pub fn tenant(&self)->&TenantId{todo!()} pub fn key_id(&self)->KeyId{todo!()} pub fn bucket(&self)->&BucketId{todo!()} pub fn len(&self)->usize{0} pub fn belongs_to(&self,_k:&SealingKeys)->bool{true} }
pub struct Restored { pub edits: Vec<Edit>, pub restored: u32, pub refused: Vec<(Arc<str>, Rsn)>, pub unresolved: u32 }
pub enum Rsn { A } impl Rsn { pub fn as_str(&self)->&'static str {"a"} }
pub fn restore(_e:&Event<'_>, _s:&[(&Sidecar,&SealingKeys)], _a:&str)->Restored { todo!() }
