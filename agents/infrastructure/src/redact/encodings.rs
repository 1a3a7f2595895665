//! Base32, base64 and base85 of a value in the midst of another text: what is the same whatever stands before and after it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// What `base64.b85encode` of Python and Git write.
const BASE85: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/// `ZeroMQ`'s.
const Z85: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Base64 when `offset` bytes of a group stand before.
pub(super) fn base64_at(value: &[u8], offset: usize) -> String {
    let padded = padded(value, offset);
    STANDARD.encode(&padded).chars().take(padded.len() * 8 / 6).skip((offset * 8).div_ceil(6)).collect()
}

/// Base32 when `offset` bytes of a group stand before.
pub(super) fn base32_at(value: &[u8], offset: usize) -> String {
    let padded = padded(value, offset);
    let bit = |place: usize| padded.get(place / 8).is_some_and(|byte| byte >> (7 - place % 8) & 1 == 1);
    let letters = ((offset * 8).div_ceil(5)..padded.len() * 8 / 5).filter_map(|letter| {
        let number = (letter * 5..letter * 5 + 5).fold(0, |number, place| number << 1 | usize::from(bit(place)));
        BASE32.get(number).copied().map(char::from)
    });
    letters.collect()
}

/// The three kinds of base85 when `offset` bytes of a group stand before: whole groups of four only, and the value's end
/// where it is the text's as well.
pub(super) fn base85_at(value: &[u8], offset: usize) -> Vec<Vec<u8>> {
    let value = value.get((4 - offset) % 4..).unwrap_or_default();
    let numbers: Vec<u8> = value.chunks(4).flat_map(group).collect();
    let ascii: Vec<u8> = numbers.iter().map(|number| b'!' + number).collect();
    let letters = |alphabet: &[u8; 85]| numbers.iter().filter_map(|number| alphabet.get(usize::from(*number)).copied()).collect();
    vec![ascii, letters(BASE85), letters(Z85)]
}

/// Five digits of a group of four bytes, one more than its bytes of a shorter one.
fn group(bytes: &[u8]) -> Vec<u8> {
    let number = (0..4).fold(0_u32, |number, place| number << 8 | u32::from(bytes.get(place).copied().unwrap_or(0)));
    let digits = (0..5_u32).rev().map(|power| u8::try_from(number / 85_u32.pow(power) % 85).unwrap_or_default());
    digits.take(bytes.len() + 1).collect()
}

fn padded(value: &[u8], offset: usize) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(value);
    padded
}
