//! How words for streets end in languages that write them as one word: `Hauptstraße`, `Storgatan`.

/// The endings.
const ENDINGS: &[&str] = &[
    "straße", "strasse", "weg", "gasse", "platz", "allee", "damm", "ufer", "gatan", "vägen", "gata", "vej", "gade",
    "veien", "gate", "vegen", "katu", "tie", "kuja", "straat", "laan", "plein", "dreef", "kade", "stræde", "utca",
    "gränd", "allé", "torg", "torget", "polku", "hof", "steig", "chaussee", "markt", "dijk", "singel", "gracht",
    "bakken", "stigen", "backen", "plads", "toftir", "vegur", "braut",
];

/// By the low five bits of a word's last two bytes: whether an ending ends so.
static LAST_TWO: [u32; 32] = last_two();

const fn last_two() -> [u32; 32] {
    let mut table = [0u32; 32];
    let mut index = 0;
    while index < ENDINGS.len() {
        #[expect(clippy::indexing_slicing, reason = "index < length, and no ending has less than three bytes")]
        {
            let ending = ENDINGS[index].as_bytes();
            let (before, last) = (ending[ending.len() - 2], ending[ending.len() - 1]);
            table[(before & 31) as usize] |= 1 << (last & 31);
        }
        index += 1;
    }
    table
}

/// Whether a word may end like a street, by its last two bytes; cheap, and never wrongly no.
#[inline]
pub(super) fn may_end(text: &[u8]) -> bool {
    let Some([before, last]) = text.last_chunk::<2>() else { return false };
    LAST_TWO.get(usize::from(before & 31)).is_some_and(|set| set >> (last & 31) & 1 == 1)
}

/// Whether a word ends like a street.
pub(super) fn ends(word: &[u8]) -> bool {
    ENDINGS.iter().any(|ending| word.ends_with(ending.as_bytes()))
}
