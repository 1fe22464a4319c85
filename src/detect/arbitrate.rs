//! Overlaps are settled by evidence: checksum > format > context > prior, then confidence, then length.

use super::Finding;

/// How strong a claim is, comparable between rules. Evidence and confidence overlap by intent: a sure format outweighs a
/// checksum that one number in ten passes, and whose rule says so by a low confidence.
pub(super) fn rank(finding: &Finding) -> u32 {
    finding.evidence as u32 * 40 + u32::from(finding.confidence)
}

/// Beyond this many findings in one chain of overlaps, only neighbours are compared: bounds the work on hostile text.
const CHAIN: usize = 32;

/// Sorts `out[from..]` and keeps, of each set of overlapping findings, the strongest that don't overlap.
pub(super) fn settle(out: &mut Vec<Finding>, from: usize) {
    let claims = out.get_mut(from..).unwrap_or_default();
    if claims.len() < 2 {
        return;
    }
    claims.sort_unstable_by_key(|f| (f.start, f.end, f.rule));
    let mut kept = from;
    let mut chain = from;
    while chain < out.len() {
        let mut end = out.get(chain).map_or(0, |f| f.end);
        let mut next = chain + 1;
        while let Some(finding) = out.get(next) {
            if finding.start >= end || next - chain == CHAIN {
                break;
            }
            end = end.max(finding.end);
            next += 1;
        }
        kept = keep_strongest(out, chain..next, kept, from);
        chain = next;
    }
    out.truncate(kept);
}

/// Greedy over one chain; moves what stays to `kept..` and returns the new end of what is kept.
fn keep_strongest(out: &mut [Finding], chain: std::ops::Range<usize>, kept: usize, from: usize) -> usize {
    // A chain that was cut short may overlap what was kept of the one before.
    let floor = kept.checked_sub(1).filter(|last| *last >= from).and_then(|last| out.get(last)).map_or(0, |f| f.end);
    let Some(claims) = out.get_mut(chain) else { return kept };
    claims.sort_unstable_by_key(|f| (std::cmp::Reverse(rank(f)), std::cmp::Reverse(f.end - f.start), f.start, f.rule));
    let mut winners = [Finding::NONE; CHAIN];
    let mut count = 0;
    for claim in claims.iter().filter(|claim| claim.start >= floor) {
        let free = winners.iter().take(count).all(|w| claim.end <= w.start || w.end <= claim.start);
        if let (true, Some(slot)) = (free, winners.get_mut(count)) {
            *slot = *claim;
            count += 1;
        }
    }
    let winners = winners.get_mut(..count).unwrap_or_default();
    winners.sort_unstable_by_key(|f| f.start);
    for (slot, winner) in out.iter_mut().skip(kept).zip(winners.iter()) {
        *slot = *winner;
    }
    kept + count
}
