//! What redaction hides, and what it leaves.

use super::*;
use serde_json::json;

fn parameters() -> Map<String, Value> {
    match json!({"db": {"adminPassword": "hunter2!"}, "name": "kuma", "api_key": "ab"}) {
        Value::Object(members) => members,
        _ => unreachable!("it is an object"),
    }
}

#[test]
fn known_values_are_hidden_everywhere_also_escaped() {
    let redactor = Redactor::new(vec!["a\"b\\c".to_owned()], &parameters());
    assert_eq!(redactor.text("login hunter2! ok, kuma"), "login [redacted] ok, kuma");
    assert_eq!(redactor.text(r#"{"x": "a\"b\\c"}"#), r#"{"x": "[redacted]"}"#);
}

const SECRET: &str = "Grüße=p@ss/wörd&1's \"x\"";

fn left_of(redactor: &Redactor, spelled: &str) -> usize {
    redactor.text(&format!("<<{spelled}>>")).replace(HIDDEN, "").len() - 4
}

#[test]
fn every_spelling_of_a_secret_is_hidden() {
    let redactor = Redactor::new(vec![SECRET.to_owned()], &Map::new());
    for spelled in [
        r#"Gr\u00fc\u00dfe=p@ss/w\u00f6rd&1's \"x\""#,
        r#"Grüße=p@ss/wörd&1'\''s "x""#,
        r#"Grüße=p@ss/wörd&1''s "x""#,
        r#"Gr\xfc\xdfe=p@ss/w\xf6rd&1's "x""#,
        r#"Gr\xc3\xbc\xc3\x9fe=p@ss/w\xc3\xb6rd&1's "x""#,
        r#"Gr\303\274\303\237e=p@ss/w\303\266rd&1's "x""#,
        "Gr%C3%BC%C3%9Fe%3Dp%40ss/w%C3%B6rd%261%27s%20%22x%22",
        "Gr%c3%bc%c3%9fe%3dp%40ss%2fw%c3%b6rd%261%27s+%22x%22",
        "Grüße=p@ss/wörd&amp;1&#39;s &quot;x&quot;",
        "Grüße=p@ss/\n+    wörd&1's\n+    \"x\"",
        "4772c3bcc39f653d70407373",
    ] {
        assert!(left_of(&redactor, spelled) < pieces::PIECE, "{}", redactor.text(spelled));
    }
}

#[test]
fn base64_is_hidden_whatever_stands_before_and_after_also_wrapped() {
    use base64::Engine as _;
    let redactor = Redactor::new(vec![SECRET.to_owned()], &Map::new());
    for before in ["", "a", "ab", "root:"] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{before}{SECRET}\n"));
        let shown = redactor.text(&encoded).replace(HIDDEN, "");
        assert!(shown.len() <= before.len() * 4 / 3 + 6, "{shown}");
        let (one, other) = encoded.split_at(17);
        let wrapped = redactor.text(&format!("+{one}\n+{other}\n")).replace(HIDDEN, "");
        assert!(wrapped.len() <= before.len() * 4 / 3 + 10, "{wrapped}");
    }
}

#[test]
fn a_part_of_a_secret_is_hidden_and_what_it_shares_with_public_texts_is_not() {
    let redactor = Redactor::new(vec!["https://hooks.example/T0123456789/abcdefghij".to_owned()], &Map::new());
    assert_eq!(redactor.text("near: 456789/abcd ..."), "near: [redacted] ...");
    assert_eq!(redactor.text("see https://docs.other.net"), "see https://docs.other.net");
}

#[test]
fn what_a_secret_replaces_in_a_diff_was_one_too() {
    let mut redactor =
        Redactor::new(vec!["new-value-of-today".to_owned()], &Map::new()).with_placeholders(&["secret://db_root".to_owned()]);
    let applied = redactor.diff(" [client]\n-auth=yesterdays\n+auth=new-value-of-today\n port=1\n");
    assert_eq!(applied, " [client]\n-auth=[redacted]\n+auth=[redacted]\n port=1\n");
    let previewed = redactor.diff("-auth=yesterdays\n-port=1\n+auth=secret://db_root\n+port=2\n");
    assert_eq!(previewed, "-auth=[redacted]\n-[redacted]\n+auth=secret://db_root\n+port=2\n");
    let plain = "-port=1\n+port=2\n";
    assert_eq!(redactor.diff(plain), plain);
    assert_eq!(redactor.text("auth is yesterdays, {'before': 'auth=yesterdays'}"), "auth is [redacted], {'before': 'auth=[redacted]'}");
}

#[test]
fn values_of_secret_looking_keys_are_hidden_where_the_key_stands() {
    let redactor = Redactor::default();
    let diff = "+DB_PASSWORD=s3cret\n-  \"token\": \"abc\",\n keyboard: us\n+host_key_checking = x\n+password: true\n";
    assert_eq!(
        redactor.text(diff),
        "+DB_PASSWORD=[redacted]\n-  \"token\": [redacted]\n keyboard: us\n+host_key_checking = x\n+password: true\n"
    );
    let outputs = redactor.value(&json!({"url": "http://x", "apiKey": "abc", "items": [{"auth_token": "x"}]}));
    assert_eq!(outputs, json!({"url": "http://x", "apiKey": HIDDEN, "items": [{"auth_token": HIDDEN}]}));
}

const TABLE_SECRET: &str = "Pa5s/w0rd-Xyz";

/// Each as `printf`, Python, `xxd`, `base32` and their like write it.
const TABLE: &[(&str, &str)] = &[
    ("plain", "Pa5s/w0rd-Xyz"),
    ("colons", "50:61:35:73:2f:77:30:72:64:2d:58:79:7a"),
    ("capital colons", "50:61:35:73:2F:77:30:72:64:2D:58:79:7A"),
    ("hex", "506135732f773072642d58797a"),
    ("hex in groups", "5061 3573 2f77 3072 642d 5879 7a"),
    ("hex of C", "0x50, 0x61, 0x35, 0x73, 0x2f, 0x77, 0x30, 0x72, 0x64, 0x2d, 0x58, 0x79, 0x7a"),
    ("percent", "%50%61%35%73%2f%77%30%72%64%2d%58%79%7a"),
    ("mixed percent", "P%615%73/%770%72d%2DX%79z"),
    ("html", "&#80;&#97;&#53;&#115;&#47;&#119;&#48;&#114;&#100;&#45;&#88;&#121;&#122;"),
    ("html hex", "&#x50;&#x61;&#x35;&#x73;&#x2f;&#x77;&#x30;&#x72;&#x64;&#x2d;&#x58;&#x79;&#x7a;"),
    ("html padded", "&#x0050;&#x0061;&#x0035;&#x0073;&#x002F;&#x0077;&#x0030;&#x0072;&#x0064;&#x002D;&#x0058;&#x0079;&#x007A;"),
    ("u", "\\u0050\\u0061\\u0035\\u0073\\u002f\\u0077\\u0030\\u0072\\u0064\\u002d\\u0058\\u0079\\u007a"),
    (
        "u of JSON in JSON",
        "\\\\u0050\\\\u0061\\\\u0035\\\\u0073\\\\u002f\\\\u0077\\\\u0030\\\\u0072\\\\u0064\\\\u002d\\\\u0058\\\\u0079\\\\u007a",
    ),
    ("u braces", "\\u{50}\\u{61}\\u{35}\\u{73}\\u{2f}\\u{77}\\u{30}\\u{72}\\u{64}\\u{2d}\\u{58}\\u{79}\\u{7a}"),
    (
        "U",
        "\\U00000050\\U00000061\\U00000035\\U00000073\\U0000002f\\U00000077\\U00000030\\U00000072\\U00000064\\U0000002d\\U00000058\\U00000079\\U0000007a",
    ),
    ("x", "\\x50\\x61\\x35\\x73\\x2f\\x77\\x30\\x72\\x64\\x2d\\x58\\x79\\x7a"),
    ("octal", "\\120\\141\\065\\163\\057\\167\\060\\162\\144\\055\\130\\171\\172"),
    ("reversed", "zyX-dr0w/s5aP"),
    ("hex of reversed", "7a79582d647230772f73356150"),
    ("base64 of reversed", "enlYLWRyMHcvczVhUA=="),
    ("rot13", "Cn5f/j0eq-Klm"),
    ("base32 after ''", "KBQTK4ZPO4YHEZBNLB4XU==="),
    ("base32 after 'x'", "PBIGCNLTF53TA4TEFVMHS6Q="),
    ("base32 after 'xy'", "PB4VAYJVOMXXOMDSMQWVQ6L2"),
    ("base32 after 'xyz'", "PB4XUUDBGVZS65ZQOJSC2WDZPI======"),
    ("base32 after 'wxyz'", "O54HS6SQME2XGL3XGBZGILKYPF5A===="),
    ("base64 after ''", "UGE1cy93MHJkLVh5ego="),
    ("base64 twice after ''", "VUdFMWN5OTNNSEprTFZoNWVnPT0="),
    ("base64 after 'x'", "eFBhNXMvdzByZC1YeXoK"),
    ("base64 twice after 'x'", "ZUZCaE5YTXZkekJ5WkMxWWVYbz0="),
    ("base64 after 'xy'", "eHlQYTVzL3cwcmQtWHl6Cg=="),
    ("base64 twice after 'xy'", "ZUhsUVlUVnpMM2N3Y21RdFdIbDY="),
    ("base85", "P+>K5FLy9<WGz^EdH"),
    ("ascii85", ":gl5&06]*jA1^o/H2"),
    ("base85 after 'x'", "cu-+Ab1!!=a%3%7d3p)"),
    ("base85 after 'xy'", "czIA^HFGa_FmhxqSb2I1"),
    ("base85 after 'xyz'", "czJqIVKs9vcQA5fEm(Pa3I"),
    ("UTF-16 hex", "50006100350073002f0077003000720064002d00580079007a00"),
    ("UTF-16 hex be", "0050006100350073002f0077003000720064002d00580079007a"),
    ("UTF-16 base64", "UABhADUAcwAvAHcAMAByAGQALQBYAHkAegA="),
    ("UTF-16 be base64", "AFAAYQA1AHMALwB3ADAAcgBkAC0AWAB5AHo="),
    ("UTF-16 base64 marked", "//5QAGEANQBzAC8AdwAwAHIAZAAtAFgAeQB6AA=="),
    ("decimal", "80, 97, 53, 115, 47, 119, 48, 114, 100, 45, 88, 121, 122"),
    ("decimal in JSON", "[80,\n  97,\n  53,\n  115,\n  47,\n  119,\n  48,\n  114,\n  100,\n  45,\n  88,\n  121,\n  122]"),
    ("decimal in a diff", "+  80,\n+  97,\n+  53,\n+  115,\n+  47,\n+  119,\n+  48,\n+  114,\n+  100,\n+  45,\n+  88,\n+  121,\n+  122,\n"),
    ("octal numbers", "120 141 065 163 057 167 060 162 144 055 130 171 172"),
    ("dashes", "P-a-5-s-/-w-0-r-d---X-y-z"),
    ("spaces", "P a 5 s / w 0 r d - X y z"),
    ("list", "['P', 'a', '5', 's', '/', 'w', '0', 'r', 'd', '-', 'X', 'y', 'z']"),
    ("dots", "P.a.5.s./.w.0.r.d.-.X.y.z"),
    ("zero width", "P\u{200b}a\u{200b}5\u{200b}s\u{200b}/\u{200b}w\u{200b}0\u{200b}r\u{200b}d\u{200b}-\u{200b}X\u{200b}y\u{200b}z"),
    ("soft hyphens", "P\u{ad}a\u{ad}5\u{ad}s\u{ad}/\u{ad}w\u{ad}0\u{ad}r\u{ad}d\u{ad}-\u{ad}X\u{ad}y\u{ad}z"),
    (
        "coloured",
        "P\u{1b}[0m\u{1b}[1;32ma\u{1b}[0m\u{1b}[1;32m5\u{1b}[0m\u{1b}[1;32ms\u{1b}[0m\u{1b}[1;32m/\u{1b}[0m\u{1b}[1;32mw\u{1b}[0m\u{1b}[1;32m0\u{1b}[0m\u{1b}[1;32mr\u{1b}[0m\u{1b}[1;32md\u{1b}[0m\u{1b}[1;32m-\u{1b}[0m\u{1b}[1;32mX\u{1b}[0m\u{1b}[1;32my\u{1b}[0m\u{1b}[1;32mz",
    ),
    (
        "coloured in JSON",
        "P\\u001b[31ma\\u001b[31m5\\u001b[31ms\\u001b[31m/\\u001b[31mw\\u001b[31m0\\u001b[31mr\\u001b[31md\\u001b[31m-\\u001b[31mX\\u001b[31my\\u001b[31mz",
    ),
];

#[test]
fn each_known_spelling_is_hidden_to_its_last_letter() {
    let redactor = Redactor::new(vec![TABLE_SECRET.to_owned()], &Map::new());
    let left: Vec<_> = TABLE.iter().map(|(name, spelled)| (name, redactor.text(&format!("it is {spelled} so")))).collect();
    let left = left.into_iter().filter(|(_, shown)| {
        let between = shown.replace(HIDDEN, "");
        let between = between.strip_prefix("it is ").and_then(|rest| rest.strip_suffix(" so")).unwrap_or("the frame");
        between.contains(|letter: char| letter.is_alphanumeric())
    });
    assert_eq!(left.collect::<Vec<_>>(), []);
}

#[test]
fn the_rest_of_an_encoded_run_goes_with_it_and_marks_and_names_stay() {
    let redactor = Redactor::new(vec![TABLE_SECRET.to_owned()], &Map::new());
    assert_eq!(redactor.text("auth=eHhQYTVzL3cwcmQtWHl6eHg=\n"), "auth=[redacted]\n");
    assert_eq!(redactor.text("-UGE1cy93MHJkLVh5eg==\n+UGE1cy93MHJkLVh5eg==\n"), "-[redacted]\n+[redacted]\n");
    assert_eq!(redactor.text("deadbeef506135732f773072642d58797abeef, and more"), "[redacted], and more");
}

#[test]
fn ordinary_text_in_every_spelling_stays() {
    let redactor = Redactor::new(vec![TABLE_SECRET.to_owned(), "correct-horse-battery".to_owned()], &Map::new());
    for text in [
        "00:1b:44:11:3a:b7 fe80::21b:44ff:fe11:3ab7 2026-11-29 11:22:33 10, 20, 30, 40, 50, 60, 70, 80, 90\n",
        "a-b-c-d-e-f-g-h-i-j-k-l-m  |-|-|-|-|-|-|-|-|-|-|-|\n-----BEGIN CERTIFICATE-----\n",
        "%D0%9F%D1%80%D0%B8 &#1055;&#1088; \\u041f\\u0440\\u0438 \\x1b[0m C:\\new\\table 50%\n",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
        "the horse was correct, its battery was not; /usr/share/w0rds/Pa5sage\n",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn a_path_that_was_cut_at_a_slash_of_the_secret_shows_no_part_of_it() {
    let redactor = Redactor::new(vec!["Pa5s/word/Xy9-z".to_owned(), "https://nas/Dat1/x".to_owned()], &Map::new());
    assert_eq!(
        redactor.text("Destination directory /nonexist/Pa5s does not exist"),
        "Destination directory /nonexist/[redacted] does not exist"
    );
    let ordinary = "/srv/word /srv/Pa5sage /x-Pa5s Pa5s /srv/Dat1\n";
    assert_eq!(redactor.text(ordinary), ordinary);
}

#[test]
fn a_reference_in_the_name_of_a_file_hides_no_line_of_its_diff() {
    let mut redactor = Redactor::new(vec![TABLE_SECRET.to_owned()], &Map::new()).with_placeholders(&["secret://db_root".to_owned()]);
    let header = "--- before: /x/secret://db_root\n+++ after: /x/secret://db_root\n@@ -1 +1 @@\n";
    let diff = format!("{header}-a\n+b\n{header}-old\n+auth=secret://db_root\n");
    assert_eq!(redactor.diff(&diff), format!("{header}-a\n+b\n{header}-[redacted]\n+auth=secret://db_root\n"));
}
