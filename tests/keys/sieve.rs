//! Finds rows of the store in raw bytes: heap files, dead tuples in them, write-ahead log. It looks for what every version of a
//! row must look like on the disk, and asks no server.
//!
//! A `bytea` column stands as one byte of length (odd) and its bytes, or, where it is longer than 126, aligned to four bytes, as
//! four bytes of length. Key and value stand side by side.

use std::fs;
use std::path::Path;

use lethe::keys::rows::{MidRow, PageRow, SubjectRow, Table, TopRow, Write, bucket_of_key};

const PAGE: usize = 8192;

/// All rows, in whatever version, that these bytes hold.
pub fn sift(bytes: &[u8]) -> Vec<Write> {
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let Some((key, rest)) = short(&bytes[at..]) else { continue };
        if key == TopRow::KEY {
            found.extend(
                long(rest).filter(|value| TopRow::decode(value).is_ok()).map(|value| put(Table::Meta, key, value)),
            );
        } else if key.len() == 16 {
            let Some((value, _)) = short(rest) else { continue };
            match value.len() {
                64 if SubjectRow::decode(value).is_ok() => found.push(put(Table::Subjects, key, value)),
                // Alike but for what they were sealed under: he tries them as both.
                68 if MidRow::decode(value).is_ok() && PageRow::decode(value).is_ok() => {
                    found.push(put(Table::Mids, key, value));
                    found.push(put(Table::Pages, key, value));
                }
                _ => {}
            }
        } else if key.len() > 6 && key.len() < 40 && bucket_of_key(key).is_ok() {
            found.extend(
                short(rest).filter(|(value, _)| value.len() == 60).map(|(value, _)| put(Table::Buckets, key, value)),
            );
        }
    }
    found
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write::put(table, key, value.to_vec())
}

fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first()?;
    let length = usize::from(head >> 1).checked_sub(1)?;
    (head & 1 == 1 && length > 0).then(|| rest.split_at_checked(length)).flatten()
}

fn long(bytes: &[u8]) -> Option<&[u8]> {
    let padding = bytes.iter().take(3).take_while(|byte| **byte == 0).count();
    let (head, rest) = bytes.get(padding..)?.split_first_chunk::<4>()?;
    let head = u32::from_le_bytes(*head);
    let length = usize::try_from(head >> 2).ok()?.checked_sub(4)?;
    (head & 3 == 0 && length < 2_000).then(|| rest.get(..length)).flatten()
}

/// Everything that the files of a folder hold, its write-ahead log read as the one stream that it is.
pub fn sift_folder(folder: &Path) -> Vec<Write> {
    let mut found = Vec::new();
    let mut log = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        // What a running server has just removed is not there.
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if next.ends_with("pg_wal") {
                log.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                found.extend(sift(&bytes));
            }
        }
    }
    log.sort();
    let stream: Vec<u8> =
        log.iter().filter_map(|segment| fs::read(segment).ok()).flat_map(|bytes| contents(&bytes)).collect();
    found.extend(sift(&stream));
    found
}

/// A log segment without its pages' headers, which interrupt the records.
fn contents(segment: &[u8]) -> Vec<u8> {
    const LONG_HEADER: u8 = 2;
    segment
        .chunks(PAGE)
        .filter(|page| page.len() == PAGE)
        .flat_map(|page| {
            let header = if page[2] & LONG_HEADER != 0 { 40 } else { 24 };
            page[header..].to_vec()
        })
        .collect()
}
