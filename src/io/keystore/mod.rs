//! stub
use crate::keys::*;
pub trait Keystore: Send+Sync { fn ring(&self, r:&[KeyRequest])->Result<KeyRing,StoreError>; fn still_valid(&self, r:&KeyRing)->bool; }
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct StoreError;
impl StoreError { pub fn is_final(&self)->bool{false} pub fn code(&self)->&'static str{"x"} }
