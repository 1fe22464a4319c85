//! Names that publishers' software writes, not people: which of them need no look.
//!
//! A name that stands here is a fixed text of a public format, so it can't be personal data: it is no slot. A number under
//! one of [`is_measure`] counts or times something: it is a slot only where it has many digits.

/// Member names of the chat formats that are read, of CloudEvents, and of tool calls.
pub(super) fn is_known_name(name: &str) -> bool {
    match name.len() {
        1..=3 => matches!(name, "id" | "n" | "url" | "to"),
        4 => matches!(
            name,
            "role" | "type" | "text" | "data" | "name" | "user" | "time" | "tool" | "args" | "seed" | "stop"
        ),
        5 => matches!(
            name,
            "model" | "parts" | "input" | "usage" | "index" | "tools" | "delta" | "top_p" | "email" | "phone"
        ),
        6 => matches!(
            name,
            "prompt" | "tenant" | "source" | "object" | "choice" | "output" | "system" | "params" | "region" | "stream"
        ),
        7 => matches!(name, "content" | "message" | "choices" | "subject" | "user_id" | "created"),
        8 => matches!(name, "messages" | "function" | "metadata" | "response" | "logprobs"),
        9 => matches!(name, "arguments" | "timestamp" | "parameters"),
        10 => matches!(name, "session_id" | "tool_calls" | "max_tokens" | "created_at" | "completion"),
        11 => matches!(name, "temperature" | "specversion" | "description" | "attachments"),
        12 => matches!(name, "total_tokens" | "conversation" | "tool_call_id" | "instructions"),
        13 => matches!(name, "finish_reason" | "prompt_tokens"),
        15 => matches!(name, "conversation_id" | "datacontenttype"),
        17 => matches!(name, "completion_tokens"),
        _ => false,
    }
}

/// Header names of CloudEvents, of tracing and of this program.
pub(super) fn is_known_header(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "traceparent"
            | "tracestate"
            | "ce_id"
            | "ce_type"
            | "ce_source"
            | "ce_specversion"
            | "ce_time"
            | "ce_subject"
            | "ce_dataschema"
            | "ce_tenantid"
            | "ce_dataclass"
            | "ce_residency"
            | "ce_retention"
            | "ce_expirytime"
            | "lethe-id"
            | "lethe-sealed"
            | "lethe-policy"
    )
}

/// Names under which a short number says something of the machinery and nothing of a person.
pub(super) fn is_measure(name: &str) -> bool {
    matches!(
        name,
        "index"
            | "n"
            | "top_p"
            | "top_k"
            | "temperature"
            | "max_tokens"
            | "max_completion_tokens"
            | "max_output_tokens"
            | "prompt_tokens"
            | "completion_tokens"
            | "total_tokens"
            | "input_tokens"
            | "output_tokens"
            | "cached_tokens"
            | "reasoning_tokens"
            | "presence_penalty"
            | "frequency_penalty"
            | "logprob"
            | "top_logprobs"
            | "seed"
            | "score"
            | "created"
            | "timestamp"
            | "version"
            | "count"
            | "total"
            | "offset"
            | "limit"
            | "size"
            | "duration_ms"
            | "latency_ms"
            | "status"
            | "embedding"
    )
}
