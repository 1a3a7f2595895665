//! What reads text from outside, each as a function of bytes.

use chiffon_infrastructure::outside::{self, Events};
use chiffon_planning::planner::provider::answer;
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::shown::Shown;
use chiffon_protocol::{ActionSpec, Envelope, signature};
use chrono::DateTime;

use crate::planning;

/// Reads one input.
pub(crate) type Read = Box<dyn FnMut(&[u8])>;

/// Something that reads text from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A request's words, by the offline planner.
    Request,
    /// A change in words to a plan that stands, by the offline planner.
    Revision,
    /// A model's answer.
    Answer,
    /// Lines of a play's standard output and error, both ways of running.
    Events,
    /// One result of a module, as a diff.
    Diff,
    /// The answer of `ansible-inventory --list`.
    Inventory,
    /// An `action.yml`.
    ActionFile,
    /// The body of a message.
    Message,
    /// The header of a signature.
    Signature,
    /// Any text, as it is shown and committed.
    Shown,
}

impl Reader {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Request,
        Self::Revision,
        Self::Answer,
        Self::Events,
        Self::Diff,
        Self::Inventory,
        Self::ActionFile,
        Self::Message,
        Self::Signature,
        Self::Shown,
    ];

    /// The name of its folder of seeds.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Revision => "revision",
            Self::Answer => "answer",
            Self::Events => "events",
            Self::Diff => "diff",
            Self::Inventory => "inventory",
            Self::ActionFile => "action_file",
            Self::Message => "message",
            Self::Signature => "signature",
            Self::Shown => "shown",
        }
    }

    /// How many of a thousand inputs it gets: planning takes a thousand times as long as reading a header.
    pub fn share(self) -> u64 {
        match self {
            Self::Request | Self::Revision => 15,
            Self::Events | Self::Diff => 90,
            Self::ActionFile => 70,
            Self::Answer | Self::Inventory | Self::Message | Self::Signature => 150,
            Self::Shown => 120,
        }
    }

    /// Makes what it needs, once for many inputs.
    pub(crate) fn open(self) -> Read {
        match self {
            Self::Request => planning::request(),
            Self::Revision => planning::revision(),
            Self::Answer => Box::new(|input| drop(answer::read(&String::from_utf8_lossy(input)).map(answer::Answer::into_draft))),
            Self::Events => {
                let folder = tempfile::tempdir().expect("a folder for the journal");
                Box::new(move |input| Events::new(folder.path()).read(input))
            }
            Self::Diff => Box::new(|input| {
                if let Ok(result) = serde_json::from_slice(input) {
                    let diff = outside::diff(&result);
                    assert!(diff.len() < 256 * 1024, "a diff of {} bytes is not cut", diff.len());
                }
            }),
            Self::Inventory => Box::new(|input| {
                if let Ok(list) = serde_json::from_slice(input) {
                    outside::inventory(&list);
                }
            }),
            Self::ActionFile => Box::new(|input| drop(ActionSpec::from_yaml(&String::from_utf8_lossy(input)))),
            Self::Message => Box::new(|input| {
                if let Ok(envelope) = Envelope::parse(input) {
                    let again = Envelope::parse(&envelope.to_bytes()).expect("what was read can be written and read");
                    assert_eq!(again, envelope, "a message is the same after writing and reading it");
                }
            }),
            Self::Signature => {
                let pair = KeyPair::from_secret_bytes(&[7; 32]);
                let ring = Keyring::new([pair.public()]);
                let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
                Box::new(move |input| {
                    let header = String::from_utf8_lossy(input);
                    let _ = signature::claimed_key(&header);
                    assert!(
                        signature::verify(&ring, Some(&header), "orchestrator.results", b"not signed", now).is_err(),
                        "nobody signed this"
                    );
                })
            }
            Self::Shown => Box::new(|input| {
                let text = String::from_utf8_lossy(input);
                let acts = |c: char| c.is_control() && c != '\n' && c != '\t';
                assert!(!Shown::line(&text).to_string().chars().any(char::is_control), "a line has no control character");
                assert!(!Shown::block(&text).to_string().chars().any(acts), "a block has no control character but its lines' ends");
            }),
        }
    }
}
