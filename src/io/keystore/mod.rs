//! stub
use crate::keys::*;
pub trait Keystore: Send+Sync { fn ring(&self, r:&[KeyRequest])->Result<KeyRing,StoreError>; fn still_valid(&self, r:&KeyRing)->bool; fn digest_key(&self)->DigestKey; fn fence(&self, f:&[(KeyId,i64)])->Result<Vec<Fence>,StoreError>; fn destroy(&self, k:&[KeyId])->Result<Destroyed,StoreError>; fn remember(&self, r:&[(String,Vec<u8>)])->Result<(),StoreError>; fn recall(&self,k:&str)->Result<Option<Vec<u8>>,StoreError>; fn signing_key(&self)->Result<std::sync::Arc<ring::signature::Ed25519KeyPair>,StoreError>; }
pub fn open(_s:&crate::pipeline::Settings,_c:std::sync::Arc<dyn crate::io::clock::Clock>)->Result<std::sync::Arc<dyn Keystore>,StoreError>{todo!()}
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct StoreError;
impl StoreError { pub fn is_final(&self)->bool{false} pub fn code(&self)->&'static str{"x"} }
impl StoreError {}
pub struct Destroyed { pub epoch: u64 }
impl Destroyed { pub fn of(&self, _k:&KeyId)->crate::erasure::Destruction { todo!() } }
