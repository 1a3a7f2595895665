//! No text from outside makes a reader panic: the kept seeds, and some seconds of new ones. `make fuzz` tries a million.

use chiffon_fuzz::{Reader, input, run, seeds};

/// So many inputs for all readers together; each call of the suite reads the same ones.
const INPUTS: u64 = 10_000;

#[track_caller]
fn survives(reader: Reader) {
    let found = run(reader, 1..1 + INPUTS * reader.share() / 1000);
    let told: Vec<String> =
        found.iter().map(|found| format!("{:?}: {}\n{:?}", found.number, found.said, String::from_utf8_lossy(&found.input))).collect();
    assert!(told.is_empty(), "{} panicked on {} inputs:\n{}", reader.name(), told.len(), told.join("\n\n"));
}

#[test]
fn no_request_panics() {
    survives(Reader::Request);
}

#[test]
fn no_revision_panics() {
    survives(Reader::Revision);
}

#[test]
fn no_answer_of_a_model_panics() {
    survives(Reader::Answer);
}

#[test]
fn no_output_of_a_play_panics() {
    survives(Reader::Events);
}

#[test]
fn no_result_of_a_module_panics_and_every_diff_is_bounded() {
    survives(Reader::Diff);
}

#[test]
fn no_inventory_panics() {
    survives(Reader::Inventory);
}

#[test]
fn no_action_file_panics() {
    survives(Reader::ActionFile);
}

#[test]
fn no_message_panics_and_each_is_the_same_when_written_again() {
    survives(Reader::Message);
}

#[test]
fn no_header_of_a_signature_panics_or_passes() {
    survives(Reader::Signature);
}

#[test]
fn no_shown_text_has_a_control_character() {
    survives(Reader::Shown);
}

#[test]
fn a_number_makes_the_same_input_again_and_others_make_others() {
    let seeds = seeds(Reader::Request);
    assert_eq!(input(&seeds, 7), input(&seeds, 7));
    let made: std::collections::BTreeSet<Vec<u8>> = (0..200).map(|number| input(&seeds, number)).collect();
    assert!(made.len() > 150, "only {} of 200 inputs differ", made.len());
}
