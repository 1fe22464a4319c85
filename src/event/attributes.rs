//! What selectors found to what an event says of itself: one value each, of the right form, or a reason why not.

use std::fmt;

use super::decoded::{Event, Site};
use super::shape::{Selector, Shape};
use super::unreadable::Unreadable;
use super::{Attribute, Place, TenantId};
use crate::sensitive::SensitiveStr;

/// Something that a path selector found.
pub(super) struct Pick<'a> {
    /// Index into `Selectors::all`.
    pub(super) attribute: usize,
    /// Index into that attribute's selectors.
    pub(super) rank: usize,
    /// `None` where it is no text and no number.
    pub(super) value: Option<SensitiveStr<'a>>,
    pub(super) slot: Option<usize>,
}

/// A candidate for an attribute.
type Found<'a> = (Option<SensitiveStr<'a>>, Option<usize>);

/// Chooses each attribute's value and marks the slots that hold it.
pub(super) fn settle<'a>(mut event: Event<'a>, picks: &[Pick<'a>], shape: &Shape) -> Result<Event<'a>, Unreadable> {
    // Last wins where one slot is two attributes, so the subject, which is to be replaced, comes last.
    for (index, (attribute, selectors)) in shape.selectors.all().into_iter().enumerate().rev() {
        for (rank, selector) in selectors.iter().enumerate() {
            let found = match selector {
                Selector::Path(_) => picks
                    .iter()
                    .filter(|pick| (pick.attribute, pick.rank) == (index, rank))
                    .map(|pick| (pick.value.clone(), pick.slot))
                    .collect(),
                Selector::Header(name) => headers(&event, |header| header.eq_ignore_ascii_case(name))?,
                Selector::CloudEvent(name) => cloud_event(&event, name)?,
                Selector::RecordKey => record_key(&event, attribute)?,
                Selector::Const(text) => vec![(Some(SensitiveStr::new(text.clone())), None)],
            };
            if let Some(value) = one(&found, attribute)? {
                for slot in found.iter().filter_map(|(_, slot)| *slot) {
                    if let Some(slot) = event.slots.get_mut(slot) {
                        slot.attribute = Some(attribute);
                    }
                }
                set(&mut event, attribute, value)?;
                break;
            }
        }
    }
    Ok(event)
}

/// The one value of what was found; nothing where all is blank.
fn one<'a>(found: &[Found<'a>], attribute: Attribute) -> Result<Option<SensitiveStr<'a>>, Unreadable> {
    let mut chosen: Option<&SensitiveStr<'a>> = None;
    for (value, _) in found {
        let value = value.as_ref().ok_or(Unreadable::BadAttribute(attribute))?;
        if chosen.is_some_and(|chosen| chosen != value) {
            return Err(Unreadable::AmbiguousAttribute(attribute));
        }
        chosen = Some(value);
    }
    Ok(chosen.filter(|value| !value.reveal().trim().is_empty()).cloned())
}

fn set<'a>(event: &mut Event<'a>, attribute: Attribute, value: SensitiveStr<'a>) -> Result<(), Unreadable> {
    let bad = Unreadable::BadAttribute(attribute);
    match attribute {
        Attribute::Subject => event.subject = Some(value),
        Attribute::Conversation => event.conversation = Some(value),
        Attribute::Region => event.region = Some(value),
        Attribute::Tenant => event.tenant = Some(TenantId::new(value.reveal()).ok_or(bad)?),
        Attribute::Time => event.time_ms = Some(time_ms(value.reveal()).ok_or(bad)?),
    }
    Ok(())
}

fn headers<'a>(event: &Event<'a>, named: impl Fn(&str) -> bool) -> Result<Vec<Found<'a>>, Unreadable> {
    let mut found = Vec::new();
    for (index, header) in event.record.headers.iter().enumerate() {
        let (true, Some(value)) = (std::str::from_utf8(header.name.reveal()).is_ok_and(&named), &header.value) else {
            continue;
        };
        let text = std::str::from_utf8(value.reveal()).map_err(|_| Unreadable::BadHeader)?;
        found.push((Some(SensitiveStr::new(text)), slot_at(event, Place::HeaderValue(index))));
    }
    Ok(found)
}

fn cloud_event<'a>(event: &Event<'a>, name: &str) -> Result<Vec<Found<'a>>, Unreadable> {
    let Some(attributes) = &event.attributes else {
        return headers(event, |header| {
            header.get(..3).is_some_and(|ce| ce.eq_ignore_ascii_case("ce_"))
                && header.get(3..).is_some_and(|rest| rest.eq_ignore_ascii_case(name))
        });
    };
    let values = attributes.iter().filter(|(known, _)| known.reveal() == name);
    Ok(values.map(|(_, value)| (Some(value.clone()), envelope_slot(event, name, value))).collect())
}

/// The slot of a structured event's attribute: a member of the envelope, not of its data.
fn envelope_slot(event: &Event<'_>, name: &str, value: &SensitiveStr<'_>) -> Option<usize> {
    let is = |(slot, site): (&super::Slot<'_>, &Site)| {
        site.depth == 1 && slot.text == *value && slot.field.as_ref().is_some_and(|field| field.reveal() == name)
    };
    event.slots.iter().zip(&event.sites).position(is)
}

fn record_key<'a>(event: &Event<'a>, attribute: Attribute) -> Result<Vec<Found<'a>>, Unreadable> {
    let Some(key) = &event.record.key else { return Ok(Vec::new()) };
    let text = std::str::from_utf8(key.reveal()).map_err(|_| Unreadable::BadAttribute(attribute))?;
    Ok(vec![(Some(SensitiveStr::new(text)), slot_at(event, Place::RecordKey))])
}

fn slot_at(event: &Event<'_>, place: Place) -> Option<usize> {
    // A header or key that was opened as JSON has several slots, and none of them is the whole value.
    event.slots.iter().zip(&event.sites).position(|(slot, site)| slot.place == place && site.depth == 0)
}

/// RFC 3339, or a number: seconds since the epoch, or milliseconds from 100,000,000,000 on (3 March 1973).
fn time_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    match whole.unsigned_abs() {
        0..100_000_000_000 => {
            let digits = fraction.get(..fraction.len().min(3))?;
            let thousandths =
                digits.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            let sign = if text.starts_with('-') { -1 } else { 1 };
            Some(whole * 1000 + sign * thousandths)
        }
        100_000_000_000..100_000_000_000_000 => Some(whole),
        _ => None,
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::Tenant => "tenant",
            Self::Conversation => "conversation",
            Self::Region => "region",
            Self::Time => "time",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_publishers_use() {
        for (text, ms) in [
            ("2026-01-02T03:04:05Z", Some(1_767_323_045_000)),
            ("2026-01-02T04:04:05.678+01:00", Some(1_767_323_045_678)),
            ("1767323045", Some(1_767_323_045_000)),
            ("1767323045.6789", Some(1_767_323_045_678)),
            ("1767323045678", Some(1_767_323_045_678)),
            ("-1.5", Some(-1_500)),
            ("2026-01-02", None),
            ("yesterday", None),
            ("1767323045678901234", None),
            ("1e9", None),
            ("", None),
        ] {
            assert_eq!(time_ms(text), ms, "{text}");
        }
    }
}
