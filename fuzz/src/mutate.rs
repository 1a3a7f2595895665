//! Inputs made of seeds: cut, doubled, swapped, joined, and filled with what has broken readers before.

use fastrand::Rng;

/// No input is longer: limits of length have tests of their own, and here it is the number of inputs that counts.
const LONGEST: usize = 16 * 1024;

/// What has broken readers before: ends of ranges, other alphabets, marks that act, quotes that don't end, and depth.
const HOSTILE: &[&str] = &[
    "\0",
    "\u{1b}[2J",
    "\u{1b}]0;t\u{7}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\r",
    "\n\n",
    "\t",
    "é",
    "ß",
    "ı",
    "İ",
    "ﬀ",
    "Ω",
    "д",
    "日本",
    "한",
    "🔥",
    "👩‍👩‍👧",
    "\u{301}\u{302}\u{303}",
    "—",
    "“",
    "…",
    "'",
    "\"",
    "`",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[[[[[[[[[[",
    "{{ x }}",
    "{% raw %}",
    "${steps.a.outputs.b}",
    "${",
    "$(id)",
    "../../",
    "/",
    "C:\\",
    "secret://",
    "secret://x",
    "!vault |",
    "!!python/object",
    "&a [*a,*a]",
    "*a",
    "<<: *a",
    "%YAML 9",
    "---\n",
    "...\n",
    "0",
    "-1",
    "1e999",
    "NaN",
    "Infinity",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "0x10",
    "1_000",
    "99999999999999999999999999999999",
    "0.1",
    "1/0",
    "٣",
    "²",
    "500GB",
    "500 gb",
    "½",
    "10 %",
    "null",
    "true",
    "~",
    "yes",
    "not",
    "don't",
    "never",
    "except",
    "all but",
    "all",
    "then",
    "and then",
    " then do it on ",
    "undo that",
    "why?",
    "for",
    "from",
    "to",
    "on",
    "2001:db8::1",
    "[::1]",
    "127.0.0.1",
    "10.0.0.0/8",
    "http://[",
    "https://a:b@c:99999/%zz?#",
    "a@b",
    "%00",
    "%ff",
    "&&",
    "==",
    "?",
    "*",
    ".*(a+)+$",
    ",,,,",
    ";;",
    "::",
    "--",
    "-- ",
    "@@ -1 +1 @@",
    "+++ ",
    "--- ",
];

/// An input made of these seeds.
pub(crate) fn mutated(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..=6) {
        change(&mut input, seeds, random);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Rng) {
    let (from, to) = range(input, random);
    match random.u8(..12) {
        0..=2 => insert(input, from, HOSTILE[random.usize(..HOSTILE.len())].as_bytes()),
        3 => drop(input.drain(from..to)),
        4 => {
            let part = input[from..to].to_vec();
            insert(input, from, &part.repeat(random.usize(1..=40)));
        }
        5 => insert(input, from, random.char(..).to_string().as_bytes()),
        6 if from < input.len() => input[from] = random.u8(..),
        7 if from < input.len() => input[from] ^= 1 << random.u8(..8),
        8 => {
            let other = &seeds[random.usize(..seeds.len())];
            let (from_other, to_other) = range(other, random);
            input.splice(from..to, other[from_other..to_other].iter().copied());
        }
        9 => {
            let (other, _) = range(input, random);
            let part: Vec<u8> = input.drain(from..to).collect();
            insert(input, other, &part);
        }
        10 => drop(input.splice(from..to, HOSTILE[random.usize(..HOSTILE.len())].bytes())),
        _ => swap_words(input, random),
    }
}

/// Two words of it change places.
fn swap_words(input: &mut Vec<u8>, random: &mut Rng) {
    let mut words: Vec<Vec<u8>> = input.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    let (one, other) = (random.usize(..words.len()), random.usize(..words.len()));
    words.swap(one, other);
    *input = words.join(&b' ');
}

/// A range that is short more often than not.
fn range(of: &[u8], random: &mut Rng) -> (usize, usize) {
    let from = random.usize(..=of.len());
    let most = if random.bool() { 8 } else { of.len() };
    (from, (from + random.usize(..=most)).min(of.len()))
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    let at = at.min(input.len());
    input.splice(at..at, part.iter().copied());
}
