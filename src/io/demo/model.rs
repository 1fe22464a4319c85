//! A stand-in for a model worker: reads sanitised prompts, answers with their tokens, echoes the `lethe-sealed` header.
//!
//! It is what users write themselves, in a dozen lines: Lethe needs nothing of a model but the echoed header.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::io::kafka::{Client, From, Mirror, Tap, Tapped, Trouble};
use crate::io::run::Stop;
use crate::pipeline::OutRecord;

/// Answers until asked to stop.
pub fn answer(client: &Client, prompts: &[&str], responses: &Arc<str>, stop: &Stop) -> Result<(), Trouble> {
    let mut tap = Tap::open(client, prompts, From::Beginning)?;
    let producer = Mirror::open(client)?;
    while !stop.requested() {
        match tap.next(Duration::from_millis(100))? {
            Some(prompt) => {
                if let Some(response) = reply(&prompt, responses) {
                    producer.send(&response)?;
                }
            }
            None => producer.settle()?,
        }
    }
    producer.settle()
}

/// The answer to one prompt; `None` where the prompt is not one of the sampler's.
fn reply(prompt: &Tapped, responses: &Arc<str>) -> Option<OutRecord> {
    let event: Value = serde_json::from_slice(prompt.value.as_deref()?).ok()?;
    let tokens = tokens(prompt.value.as_deref()?);
    let content = if tokens.is_empty() {
        "Done. Is there anything else?".to_owned()
    } else {
        format!("Understood. I have noted {} and will take care of it.", tokens.join(", "))
    };
    let answer = json!({
        "tenant": event.get("tenant")?,
        "user": event.get("user")?,
        "conversation_id": event.get("conversation_id")?,
        "region": prompt.header("ce_residency")?,
        "time_ms": event.get("time_ms")?,
        "model": event.get("model")?,
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content } }],
    });
    let sealed = prompt
        .headers
        .iter()
        .filter(|(name, _)| name == "lethe-sealed")
        .map(|(name, value)| (name.clone(), Some(value.clone())));
    Some(OutRecord {
        topic: Arc::clone(responses),
        region: None,
        key: prompt.key.clone(),
        value: Some(answer.to_string().into_bytes()),
        headers: sealed.collect(),
        timestamp_ms: None,
    })
}

/// Texts of the form `[KIND_CODE]`, in order, each once.
fn tokens(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    let mut found: Vec<String> = Vec::new();
    for piece in text.split('[').skip(1) {
        let Some((inner, _)) = piece.split_once(']') else { continue };
        let shaped =
            inner.contains('_') && inner.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let token = format!("[{inner}]");
        if shaped && !found.contains(&token) {
            found.push(token);
        }
    }
    found
}
