//! Files that a crash cut off, and such as can't be read to their end.

use super::*;
use crate::journal::contents::Contents;

#[tokio::test]
async fn an_entry_that_is_torn_at_any_byte_was_never_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    receive(&journal, 1).await;
    let whole = fs::read(the_file(folder.path())).expect("reads");
    begin(&journal, 1).await;
    drop(journal);
    let path = the_file(folder.path());
    let longer = fs::read(&path).expect("reads");
    for length in whole.len()..longer.len() {
        let contents = Contents::read(&longer[..length]);
        assert_eq!(contents.held[&key(1)].record.state, State::Received, "{length} bytes");
        assert!(contents.is_whole && contents.damaged_at.is_empty(), "{length} bytes");
    }
    for length in (whole.len()..longer.len()).step_by(97) {
        let name = path.file_name().expect("a name");
        let (torn, other) = (tempfile::tempdir().expect("a folder"), 2);
        fs::create_dir(torn.path().join("journal")).expect("made");
        fs::write(torn.path().join("journal").join(name), &longer[..length]).expect("written");
        let journal = open(torn.path());
        receive(&journal, other).await;
        drop(journal);
        let found = open(torn.path()).attempts();
        assert_eq!(told(&found), [(1, State::Received, false), (other, State::Received, false)], "{length} bytes");
    }
}

/// Attempts 1 (it starts), 2 (received) and 3 (ended), of which a bit is flipped so far behind the beginning of the first one's start.
async fn damaged(behind: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    receive(&journal, 1).await;
    receive(&journal, 2).await;
    receive(&journal, 3).await;
    let start = fs::read(the_file(folder.path())).expect("reads").len();
    begin(&journal, 1).await;
    end(&journal, 3).await;
    for task in 1..=3 {
        fs::write(journal.log_path(key(task)), "").expect("written");
    }
    drop(journal);
    let path = the_file(folder.path());
    let mut bytes = fs::read(&path).expect("reads");
    bytes[start + behind] ^= 8;
    fs::write(&path, bytes).expect("written");
    folder
}

#[tokio::test]
async fn a_bit_that_flipped_in_the_middle_is_told_with_its_file_and_costs_no_attempt_that_can_be_read() {
    // In the body the attempt is known; in the line any that has no result may have gone on.
    for (behind, kept, doubted) in [(200, vec![2, 3], vec![1]), (30, vec![3], vec![1, 2])] {
        let folder = damaged(behind).await;
        for start in 1..=2 {
            let journal = open(folder.path());
            assert_eq!(told(&journal.attempts()).iter().map(|(task, ..)| *task).collect::<Vec<_>>(), kept, "start {start}");
            let damaged = files(folder.path(), ".entries.damaged");
            assert_eq!(damaged.len(), 1);
            let problem = journal.problems().concat();
            assert!(problem.contains(&damaged[0].display().to_string()), "start {start}: {problem}");
            for task in &doubted {
                assert!(start == 2 || problem.contains(&Uuid::from_u128(*task).to_string()), "{problem}");
            }
            assert_eq!(files(folder.path(), ".log.damaged").len(), doubted.len());
            assert_eq!(files(folder.path(), ".log").len(), kept.len());
        }
        // What is received once more, as the orchestrator may offer it, counts as ever.
        let journal = open(folder.path());
        receive(&journal, 1).await;
        drop(journal);
        assert!(told(&open(folder.path()).attempts()).contains(&(1, State::Received, false)));
    }
}

#[tokio::test]
async fn a_file_that_was_never_finished_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    receive(&journal, 1).await;
    let carried = fs::read(the_file(folder.path())).expect("reads");
    begin(&journal, 1).await;
    drop(journal);
    // The attempt as the next file begins with it, cut off before it says that all is carried.
    let received = String::from_utf8(carried).expect("is text");
    let received = received.split_once("chiffon-entry-1 received").expect("an entry").1;
    fs::write(folder.path().join("journal/0000000009.entries"), format!("chiffon-entry-1 received{received}")).expect("written");
    assert_eq!(told(&open(folder.path()).attempts()), [(1, State::Starting, false)]);
    assert_eq!(the_file(folder.path()).file_name().expect("a name"), "0000000010.entries");
}
