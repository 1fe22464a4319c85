//! CloudEvents 1.0 on Kafka: which mode a record is in, and what an event must have. Batches and Avro are refused.

use super::decoded::{Event, header};
use super::shape::Format;
use super::unreadable::Unreadable;
use super::{RawHeader, RawRecord};

/// What the headers say that the value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A whole CloudEvent as JSON.
    Structured,
    Json,
    Text,
    /// Nothing that helps.
    Unsaid,
}

/// Reads the mode from the headers, and holds a binary CloudEvent to its rules where the pipeline asks for one.
pub(super) fn mode(record: &RawRecord, format: Format) -> Result<Mode, Unreadable> {
    let content_type =
        match record.headers.iter().find(|header| header.name.reveal().eq_ignore_ascii_case(b"content-type")) {
            Some(RawHeader { value: Some(value), .. }) => {
                Some(std::str::from_utf8(value.reveal()).map_err(|_| Unreadable::BadHeader)?)
            }
            _ => None,
        };
    let media = content_type.map(|text| text.split(';').next().unwrap_or_default().trim()).unwrap_or_default();
    let is_event = media.get(..EVENT.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENT));
    if is_event && matches!(format, Format::Auto | Format::CloudEvents) {
        return match media.get(EVENT.len()..) {
            Some(rest) if rest.eq_ignore_ascii_case("+json") => Ok(Mode::Structured),
            Some(rest) if rest.to_ascii_lowercase().starts_with("-batch") => Err(Unreadable::BadCloudEvent("a batch")),
            _ => Err(Unreadable::BadCloudEvent("a structured event in another format than JSON")),
        };
    }
    if format == Format::CloudEvents {
        let attribute = |name: &str| {
            header(record, |header| header.strip_prefix("ce_").is_some_and(|ce| ce.eq_ignore_ascii_case(name)))
        };
        required(attribute)?;
    }
    Ok(match media {
        media if is_json_type(media) => Mode::Json,
        media if media.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/")) => Mode::Text,
        _ => Mode::Unsaid,
    })
}

const EVENT: &str = "application/cloudevents";

/// Whether a media type is JSON: `application/json`, `text/json`, `…+json`.
pub(super) fn is_json_type(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.ends_with("/json") || media.ends_with("+json")
}

/// Holds a structured event to its rules.
pub(super) fn check(event: &Event<'_>) -> Result<(), Unreadable> {
    for (at, (name, value)) in event.attributes.iter().flatten().enumerate() {
        let earlier = event.attributes.iter().flatten().take(at);
        if earlier.into_iter().any(|(known, other)| known == name && value != other) {
            return Err(Unreadable::BadCloudEvent("an attribute has two values"));
        }
    }
    required(|name| event.cloud_event(name))
}

fn required<'e>(attribute: impl Fn(&str) -> Option<&'e str>) -> Result<(), Unreadable> {
    if !attribute("specversion").is_some_and(|version| version.starts_with("1.")) {
        return Err(Unreadable::BadCloudEvent("`specversion` is missing or not 1"));
    }
    let missing = ["id", "source", "type"].into_iter().any(|name| attribute(name).is_none_or(str::is_empty));
    if missing {
        return Err(Unreadable::BadCloudEvent("`id`, `source` or `type` is missing"));
    }
    Ok(())
}
