//! Checksums of wallet addresses: Base58Check (Bitcoin and its kin), Bech32 and Bech32m (BIP 173, BIP 350), and the mixed case
//! of Ethereum addresses (EIP-55).

use sha3::{Digest, Keccak256};

use super::super::rule::Check;

/// Base58 with four bytes of double SHA-256 at the end.
pub(in super::super) const BASE58: Check = Check { name: "base58check", passes: base58 };
/// A segwit address: polymod 1 (Bech32) or 0x2bc830a3 (Bech32m).
pub(in super::super) const BECH32: Check = Check { name: "bech32", passes: bech32 };
/// Forty hexadecimal digits that are not a constant.
pub(in super::super) const ETHEREUM: Check = Check {
    name: "ethereum",
    passes: |text| {
        let mut seen = [false; 256];
        text.iter().filter(|b| !std::mem::replace(seen.get_mut(usize::from(**b)).unwrap_or(&mut false), true)).count()
            >= 9
    },
};

/// An Ethereum address in the mixed case of EIP-55: a letter is a capital where the digest of the small ones says so.
pub(in super::super) const EIP55: Check = Check { name: "eip55", passes: eip55 };

fn eip55(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    let digest = Keccak256::digest(digits.to_ascii_lowercase());
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let as_digest =
        |(digit, nibble): (&u8, u8)| !digit.is_ascii_alphabetic() || digit.is_ascii_uppercase() == (nibble > 7);
    // In one case alone there is no checksum.
    let both = digits.iter().any(u8::is_ascii_uppercase) && digits.iter().any(u8::is_ascii_lowercase);
    both && digits.len() == 40 && digits.iter().zip(nibbles).all(as_digest)
}

fn base58(text: &[u8]) -> bool {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0u8; 25];
    for byte in text {
        let Some(digit) = ALPHABET.iter().position(|c| c == byte) else { return false };
        let mut carry = digit as u32;
        for slot in bytes.iter_mut().rev() {
            carry += u32::from(*slot) * 58;
            *slot = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (Some(body), Some(check)) = (bytes.get(..21), bytes.get(21..)) else { return false };
    let once = ring::digest::digest(&ring::digest::SHA256, body);
    ring::digest::digest(&ring::digest::SHA256, once.as_ref()).as_ref().starts_with(check)
}

fn bech32(text: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let Some(one) = text.iter().rposition(|byte| *byte == b'1') else { return false };
    let (Some(prefix), Some(data)) = (text.get(..one), text.get(one + 1..)) else { return false };
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    let high = prefix.iter().map(|byte| u32::from(lower(byte) >> 5));
    let low = prefix.iter().map(|byte| u32::from(lower(byte) & 31));
    let values =
        data.iter().map(|byte| ALPHABET.iter().position(|c| *c == lower(byte)).map_or(u32::MAX, |at| at as u32));
    let mut sum = 1u32;
    for value in high.chain([0]).chain(low).chain(values) {
        if value == u32::MAX {
            return false;
        }
        let top = sum >> 25;
        sum = (sum & 0x01FF_FFFF) << 5 ^ value;
        for (i, generator) in [0x3b6a_57b2u32, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate() {
            if top >> i & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum == 1 || sum == 0x2bc8_30a3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_case_would_pass_for_a_checked_one() {
        // The addresses that EIP-55 gives as examples.
        for address in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert!(eip55(address.as_bytes()), "{address}");
            assert!(!eip55(address.to_lowercase().as_bytes()));
            let flipped = address.replacen('F', "f", 1);
            assert!(!eip55(flipped.as_bytes()) || flipped == address);
        }
    }
}
