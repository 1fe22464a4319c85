//! bring-up draft
#![expect(missing_docs, reason = "draft")]
#![expect(clippy::unwrap_used, reason = "draft")]
use crate::keys::*; use std::sync::*; use std::collections::*;
pub trait Keystore: Send+Sync { fn ring(&self, r:&[KeyRequest])->Result<KeyRing,StoreError>; fn still_valid(&self, r:&KeyRing)->bool; fn digest_key(&self)->DigestKey; fn fence(&self, f:&[(KeyId,i64)])->Result<Vec<Fence>,StoreError>; fn destroy(&self, k:&[KeyId])->Result<Destroyed,StoreError>; fn remember(&self, r:&[(String,Vec<u8>)])->Result<(),StoreError>; fn recall(&self,k:&str)->Result<Option<Vec<u8>>,StoreError>; fn signing_key(&self)->Result<Arc<ring::signature::Ed25519KeyPair>,StoreError>; }
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct StoreError;
impl StoreError { pub fn is_final(&self)->bool{false} pub fn code(&self)->&'static str{"x"} }
pub struct Destroyed { pub epoch: u64 }
impl Destroyed { pub fn of(&self, _k:&KeyId)->crate::erasure::Destruction { use crate::erasure::*; Destruction{epoch:1,generations:vec![1],page:None,root:None,keeper:RootKeeper{provider:crate::audit::Name::fixed("file"),irreversible:Irreversibility::AtOnce},tried:None} } }
#[derive(Default)] struct Mem { f: Mutex<HashMap<KeyId,Fence>>, r: Mutex<HashMap<String,Vec<u8>>>, c: Mutex<HashMap<(KeyId,BucketId),Arc<SealingKeys>>> }
impl Keystore for Mem { fn ring(&self, rs:&[KeyRequest])->Result<KeyRing,StoreError>{ let mut k=KeyRing::new(0,0); let mut c=self.c.lock().unwrap(); let f=self.f.lock().unwrap(); for r in rs { let s = match f.get(&r.id) { Some(x)=>KeyState::Erased(*x), None=>KeyState::Live(c.entry((r.id,r.bucket.clone())).or_insert_with(|| { let mut sk=[0u8;32]; for (a,b) in sk.iter_mut().zip(r.id.0) {*a=b}; Arc::new(SealingKeys::derive(&zeroize::Zeroizing::new(sk),1,&zeroize::Zeroizing::new([3;32]))) }).clone()) }; k.insert(r.clone(),s);} Ok(k) }
 fn still_valid(&self,_:&KeyRing)->bool{true} fn digest_key(&self)->DigestKey{DigestKey::new(&zeroize::Zeroizing::new([9;32]))}
 fn fence(&self, x:&[(KeyId,i64)])->Result<Vec<Fence>,StoreError>{ let mut f=self.f.lock().unwrap(); Ok(x.iter().map(|(k,t)| { let z=Fence{erased_through_ms:*t,generation:1}; f.insert(*k,z); z}).collect()) }
 fn destroy(&self,_:&[KeyId])->Result<Destroyed,StoreError>{Ok(Destroyed{epoch:1})}
 fn remember(&self, r:&[(String,Vec<u8>)])->Result<(),StoreError>{ self.r.lock().unwrap().extend(r.iter().cloned()); Ok(()) } fn recall(&self,k:&str)->Result<Option<Vec<u8>>,StoreError>{Ok(self.r.lock().unwrap().get(k).cloned())}
 fn signing_key(&self)->Result<Arc<ring::signature::Ed25519KeyPair>,StoreError>{ Ok(Arc::new(ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7;32]).unwrap())) } }
pub fn open(_s:&crate::pipeline::Settings,_c:Arc<dyn crate::io::clock::Clock>)->Result<Arc<dyn Keystore>,StoreError>{ Ok(Arc::new(Mem::default())) }
