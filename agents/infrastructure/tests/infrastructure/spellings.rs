//! A secret that a play prints in every spelling that redaction knows, and in a path that was cut: none leaves the host.

use std::os::unix::fs::PermissionsExt as _;

use chiffon_protocol::message::Outcome;
use serde_json::json;

use crate::playbooks::Playbooks;

const SECRET: &str = "Pa5s/w0rd-Xyz";

/// Writes and prints one spelling a line.
const SPELL: &str = r#"
import base64, codecs, sys
secret, file = sys.argv[1:]
octets, turned = secret.encode(), secret[::-1]
each = lambda form: "".join(form % ord(letter) for letter in secret)
b64 = lambda data: base64.b64encode(data).decode()
lines = [
    ":".join("%02x" % octet for octet in octets), octets.hex(), ", ".join(map(str, octets)), str(list(secret)),
    each("%%%02x"), each("%%%02X"), each("&#%d;"), each("&#x%x;"), each("\\u%04x"), each("\\x%02x"), each("\\%03o"),
    turned, turned.encode().hex(), b64(turned.encode()), codecs.encode(secret, "rot13"),
    b64(octets), b64(b"x" + octets + b"\n"), b64(b64(octets).encode()), base64.b32encode(octets).decode(),
    base64.b85encode(octets).decode(), base64.a85encode(octets).decode(), secret.encode("utf-16").hex(), b64(secret.encode("utf-16")),
    "-".join(secret), " ".join(secret), "\u200b".join(secret), "\x1b[0m\x1b[31m".join(secret),
]
open(file, "w").write("\n".join(lines))
print("\n".join(lines))
"#;

const TASKS: &str = r#"    - name: Spell it
      ansible.builtin.command: {argv: [python3, "@DIR@/spell.py", "{{ password }}", "@DIR@/spelled"]}
      register: spelled
    - name: Say it
      ansible.builtin.debug: {msg: "{{ spelled.stdout_lines }}"}
    - name: Give it back
      ansible.builtin.set_stats: {aggregate: false, data: {said: "{{ spelled.stdout }}"}}
    - name: Write below a folder that is named like it
      ansible.builtin.copy: {content: x, dest: "/nonexist/{{ password }}"}
      ignore_errors: true
    - name: Fail with it
      ansible.builtin.fail: {msg: "{{ spelled.stdout }}"}
"#;

#[tokio::test]
async fn a_secret_printed_in_every_known_spelling_or_as_part_of_a_path_does_not_leave_the_host() {
    let books = Playbooks::new();
    books.action("spell", "", TASKS);
    books.write("spell.py", SPELL);
    books.write("agent/secrets.toml", &format!("db = \"{SECRET}\"\n"));
    std::fs::set_permissions(books.path("agent/secrets.toml"), std::fs::Permissions::from_mode(0o600)).expect("set");
    let fleet = books.start().await;
    fleet.orchestrator.set_acknowledge(false);
    let result = fleet.run(&fleet.work("spell", json!({"host": "nas", "password": "secret://db"}), &["nas"])).await;
    assert_eq!(result.outcome, Some(Outcome::Failed), "{result:?}");
    let spelled = std::fs::read_to_string(fleet.playbooks.path("spelled")).expect("was written");
    assert_eq!(spelled.lines().count(), 27);
    let heard = fleet.orchestrator.heard.lock().expect("is free");
    let mut said: Vec<String> = heard.messages.iter().map(|envelope| String::from_utf8(envelope.to_bytes()).expect("is text")).collect();
    said.push(serde_json::to_string(&result).expect("is JSON"));
    assert!(said.iter().any(|said| said.matches("[redacted]").count() >= 27), "the spellings were to be said: {said:#?}");
    for said in said {
        assert!(!said.contains("Pa5s"), "{said}");
        for line in spelled.lines() {
            let letters: Vec<char> = line.chars().collect();
            let part = letters.windows(10).map(|part| part.iter().collect::<String>()).find(|part| said.contains(part.as_str()));
            assert_eq!(part, None, "of {line} in {said}");
        }
    }
}
