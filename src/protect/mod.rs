//! bring-up draft
#![expect(missing_docs, reason = "draft")]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "draft")]
use std::sync::Arc; use std::ops::Range; use crate::keys::*; use crate::event::*; use base64::Engine;
#[derive(Clone,Copy,PartialEq)] pub enum Action { Token, Redact, Mask{keep_last:u8}, Hash, Surrogate }
pub struct Work { pub slot: usize, pub range: Range<usize>, pub kind: Arc<str>, pub action: Action, pub audiences: u8 }
#[derive(Clone,Copy)] pub enum Scope { Event, Conversation, Subject, Tenant }
pub struct Sealer<'k> { pub keys: Option<&'k SealingKeys>, pub tenant_keys: Option<&'k SealingKeys>, pub digest_key: &'k DigestKey, pub tenant: Option<&'k TenantId>, pub subject: Option<KeyId>, pub bucket: BucketId, pub scope: Scope, pub scope_id: &'k [u8], pub audiences: &'k [Arc<str>] }
pub struct Protected { pub edits: Vec<Edit>, pub sidecar: Option<String> }
pub fn protect(e:&Event<'_>, w:&[Work], s:&Sealer<'_>) -> Protected {
  let mut edits=vec![]; let mut entries: Vec<(String,u8,Vec<u8>,Arc<str>)>=vec![];
  for x in w { let slot=&e.slots()[x.slot]; let body = slot.place.in_body();
    let text=&slot.text.reveal()[x.range.clone()];
    let with = match (x.action, s.keys, s.tenant, s.subject) { (Action::Token|Action::Surrogate, Some(k), Some(t), Some(id)) if body => {
        let d=k.token_digest(&[x.kind.as_bytes(), text.as_bytes(), s.scope_id]);
        let al=b"2346789BCDFGHJKMPQRTVWXY"; let code:String=d.iter().take(8).map(|b| al[*b as usize%24] as char).collect();
        let tok=format!("[{}_{}]",x.kind,code);
        if !entries.iter().any(|z| z.0==tok) {
          let o=e.original(x.slot,x.range.clone()).to_bytes();
          let ad=format!("{}|{:?}|{}|{}|{}",t,id,x.kind,tok,x.audiences);
          entries.push((tok.clone(),x.audiences,k.seal(ad.as_bytes(),o.reveal()),Arc::clone(&x.kind))); }
        tok }
      (Action::Mask{keep_last},..) => { let n=text.chars().count(); let k=keep_last as usize; text.chars().enumerate().map(|(i,c)| if n>2*k && i>=n-k {c} else {'*'}).collect() }
      (Action::Hash,..) => format!("[{}#{}]",x.kind,&s.digest_key.value_digest(s.tenant.map_or("",|t|t.as_str()),&x.kind,text.as_bytes())[..16]),
      _ => format!("[{}]",x.kind) };
    edits.push(Edit{slot:x.slot,range:x.range.clone(),with:Replacement::Text(with)}); }
  let sidecar = match (s.keys,s.tenant,s.subject) { (Some(k),Some(t),Some(id)) if !entries.is_empty() => {
     let v=serde_json::json!({"t":t.as_str(),"s":id.reference(),"b":&*s.bucket.class,"i":s.bucket.index,"c":k.commitment(),"a":s.audiences.iter().map(|a|a.to_string()).collect::<Vec<_>>(),
      "e":entries.iter().map(|(a,b,c,d)| serde_json::json!([a,b,c,&**d])).collect::<Vec<_>>()});
     Some(format!("v1.{}",base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(v.to_string()))) } _=>None };
  Protected{edits,sidecar} }
pub struct Sidecar { t: TenantId, id: KeyId, b: BucketId, c: Vec<u8>, a: Vec<String>, e: Vec<(String,u8,Vec<u8>,String)> } pub struct SidecarProblem;
impl Sidecar { pub fn parse(x:&str)->Result<Self,SidecarProblem>{ let f=||->Option<Self>{ let b=base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(x.strip_prefix("v1.")?).ok()?;
  let v:serde_json::Value=serde_json::from_slice(&b).ok()?; Some(Self{t:TenantId::new(v["t"].as_str()?)?,id:KeyId::from_reference(v["s"].as_str()?)?,b:BucketId{class:v["b"].as_str()?.into(),index:v["i"].as_u64()? as u32},
   c:serde_json::from_value(v["c"].clone()).ok()?,a:serde_json::from_value(v["a"].clone()).ok()?,e:serde_json::from_value(v["e"].clone()).ok()?}) }; f().ok_or(SidecarProblem) }
  pub fn tenant(&self)->&TenantId{&self.t} pub fn key_id(&self)->KeyId{self.id} pub fn bucket(&self)->&BucketId{&self.b} pub fn len(&self)->usize{self.e.len()} pub fn belongs_to(&self,k:&SealingKeys)->bool{self.c==k.commitment()} }
pub struct Restored { pub edits: Vec<Edit>, pub restored: u32, pub refused: Vec<(Arc<str>, Rsn)>, pub unresolved: u32 }
pub enum Rsn { A } impl Rsn { pub fn as_str(&self)->&'static str {"sealed_broken"} }
pub fn restore(e:&Event<'_>, s:&[(&Sidecar,&SealingKeys)], a:&str)->Restored { let mut r=Restored{edits:vec![],restored:0,refused:vec![],unresolved:0};
  for (i,slot) in e.slots().iter().enumerate() { if !slot.place.in_body(){continue} for (sc,k) in s { for (tok,mask,sealed,kind) in &sc.e { for m in memchr::memmem::find_iter(slot.text.reveal().as_bytes(),tok.as_bytes()) {
    let Some(bit)=sc.a.iter().position(|x|x==a) else {continue}; if mask&(1<<bit)==0 {r.refused.push((kind.as_str().into(),Rsn::A));continue}
    let ad=format!("{}|{:?}|{}|{}|{}",sc.t,sc.id,kind,tok,mask); match k.open(ad.as_bytes(),sealed) { Ok(o)=>{ r.restored+=1; r.edits.push(Edit{slot:i,range:m..m+tok.len(),with:Replacement::Original(Original::from_bytes(o.reveal()).unwrap())}) } Err(_)=>r.refused.push((kind.as_str().into(),Rsn::A)) } } } } } r }
