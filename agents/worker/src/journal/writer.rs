//! The one writer of the journal: a thread that takes what waits, writes it at once, syncs once, and answers all who wait.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use chiffon_process::private;
use nix::fcntl::Flock;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::contents::Carry;
use super::entry::{Kind, bytes_of};
use super::files::sync_folder;
use super::record::Key;

/// About the most that is written at once.
const MOST_AT_ONCE: usize = 4 * 1024 * 1024;
/// When what could not be taken out of the journal is tried again.
const OWED_AGAIN: Duration = Duration::from_secs(1);

/// The entries by which the attempts that count are carried into the next file.
pub(super) type Carried = BTreeMap<Key, Carry>;

/// What the writer has done so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Entries that were asked for and stand in the file.
    pub(super) entries: AtomicU64,
    /// Syncs of the file and of its folder.
    pub(super) syncs: AtomicU64,
}

impl Counts {
    fn sync(&self, done: io::Result<()>) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        done
    }
}

/// The file's place.
pub(super) fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.entries"))
}

/// The file that is written. It begins with what counted when it was begun.
#[derive(Debug)]
pub(super) struct Segment {
    folder: PathBuf,
    number: u64,
    file: File,
    /// Bytes that stand in it.
    length: u64,
    /// Whether a write that failed may have left something behind them.
    is_spoiled: bool,
    /// Whether a next file that could not be begun could not be taken away either: a start might read that one, so that nothing that is
    /// written here would count.
    is_over: bool,
    /// From this length on the next one is due.
    due_at: u64,
    counts: Arc<Counts>,
}

impl Segment {
    /// Begins a file with what counts; when it returns, older ones do not count any more, also after a power cut. It is to grow by about
    /// so many bytes.
    pub(super) fn begin(folder: &Path, number: u64, carried: &Carried, grows: u64, counts: &Arc<Counts>) -> io::Result<Self> {
        let path = path_of(folder, number);
        let file = private::create_new(&path)?;
        let (folder_, counts_) = (folder.to_owned(), Arc::clone(counts));
        let mut segment = Self { folder: folder_, number, file, length: 0, is_spoiled: false, is_over: false, due_at: 0, counts: counts_ };
        let entries = carried.values().flat_map(|carry| [Some(&carry.received), carry.latest.as_ref()]).flatten();
        let mut block: Vec<u8> = entries.flatten().copied().collect();
        block.extend(bytes_of(Kind::Carried, (Uuid::nil(), 0), b"", b""));
        let begun = segment.append(&block, true).and_then(|()| counts.sync(sync_folder(folder)));
        if let Err(error) = begun {
            drop(segment.file.set_len(0).and_then(|()| std::fs::remove_file(&path)));
            return Err(error);
        }
        segment.due_at = segment.length + grows.max(segment.length);
        Ok(segment)
    }

    /// Writes behind what stands there. What fails leaves nothing that counts.
    fn append(&mut self, bytes: &[u8], is_synced: bool) -> io::Result<()> {
        if self.is_over {
            return Err(io::Error::other(
                "its next file could neither be begun nor removed; start the agent again when the disk can be written",
            ));
        }
        if self.is_spoiled {
            self.file.set_len(self.length)?;
        }
        self.is_spoiled = true;
        let mut written = self.file.write_all_at(bytes, self.length);
        if is_synced && written.is_ok() {
            written = self.counts.sync(self.file.sync_data());
        }
        match &written {
            Ok(()) => {
                self.length += bytes.len() as u64;
                self.is_spoiled = false;
            }
            Err(_) => self.is_spoiled = self.file.set_len(self.length).is_err(),
        }
        written
    }
}

/// One entry that is to be written.
struct Request {
    kind: Kind,
    key: Key,
    bytes: Vec<u8>,
    answer: oneshot::Sender<io::Result<()>>,
}

impl Request {
    /// What is forgotten too late is only reported once more.
    fn is_synced(&self) -> bool {
        self.kind != Kind::Forgotten
    }
}

/// Hands entries to the thread. Dropped, it waits until that has written what it was given.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It holds the lock for as long as it may write.
    pub(super) fn start(segment: Segment, carried: Carried, grows: u64, lock: Flock<File>) -> io::Result<Self> {
        let (requests, received) = channel();
        let counts = Arc::clone(&segment.counts);
        let next = segment.number + 1;
        let work = Work { segment, carried, grows, next, owed: Vec::new(), counts };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            work.run(&received);
            drop(lock);
        })?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Writes an entry; when it returns, it survives a power cut ([`Kind::Forgotten`]: a kill).
    pub(super) async fn write(&self, kind: Kind, key: Key, json: &[u8], raw: &[u8]) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        let request = Request { kind, key, bytes: bytes_of(kind, key, json, raw), answer };
        let gone = || io::Error::other("the journal's writer has ended");
        self.requests.as_ref().ok_or_else(gone)?.send(request).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's writer has ended by a mistake of ours");
        }
    }
}

/// What the thread has.
struct Work {
    segment: Segment,
    carried: Carried,
    grows: u64,
    /// The number of the next file.
    next: u64,
    /// What could not be taken out of the file yet.
    owed: Vec<u8>,
    counts: Arc<Counts>,
}

impl Work {
    fn run(mut self, requests: &Receiver<Request>) {
        loop {
            let first =
                if self.owed.is_empty() { requests.recv().map_err(RecvTimeoutError::from) } else { requests.recv_timeout(OWED_AGAIN) };
            match first {
                Ok(first) => {
                    let mut group = vec![first];
                    let mut bytes = 0;
                    while bytes < MOST_AT_ONCE
                        && let Ok(request) = requests.try_recv()
                    {
                        bytes += request.bytes.len();
                        group.push(request);
                    }
                    self.commit(group);
                }
                Err(RecvTimeoutError::Timeout) => self.commit(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return self.commit(Vec::new()),
            }
            if self.segment.length >= self.segment.due_at {
                self.renew();
            }
        }
    }

    /// Writes these entries at once and answers. Where they do not fit together, each may fit alone.
    fn commit(&mut self, group: Vec<Request>) {
        let bytes: Vec<u8> = self.owed.iter().chain(group.iter().flat_map(|request| &request.bytes)).copied().collect();
        let written = if bytes.is_empty() { Ok(()) } else { self.segment.append(&bytes, group.iter().any(Request::is_synced)) };
        match written {
            Ok(()) => {
                self.owed.clear();
                self.counts.entries.fetch_add(group.len() as u64, Ordering::Relaxed);
                for request in group {
                    self.take(&request);
                    // Whoever asked may be gone.
                    drop(request.answer.send(Ok(())));
                }
            }
            Err(_) if group.len() > 1 => group.into_iter().for_each(|request| self.commit(vec![request])),
            Err(error) => group.into_iter().for_each(|request| self.refuse(request, &error)),
        }
    }

    fn take(&mut self, request: &Request) {
        match request.kind {
            Kind::Received => drop(self.carried.insert(request.key, Carry { received: request.bytes.clone(), latest: None })),
            Kind::Changed | Kind::Ended => {
                if let Some(carry) = self.carried.get_mut(&request.key) {
                    carry.latest = Some(request.bytes.clone());
                }
            }
            Kind::Forgotten => drop(self.carried.remove(&request.key)),
            Kind::Carried => {}
        }
    }

    fn refuse(&mut self, request: Request, error: &io::Error) {
        if request.kind != Kind::Forgotten {
            let error = error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error);
            return drop(request.answer.send(Err(error)));
        }
        // It takes no room away from others: it is forgotten as soon as that can be written, and reported once more by a start before that.
        tracing::warn!(attempt = ?request.key, %error, "a finished attempt can't be taken out of the journal yet");
        self.take(&request);
        self.owed.extend_from_slice(&request.bytes);
        drop(request.answer.send(Ok(())));
    }

    /// Begins the next file with what counts, and lets the old one go.
    fn renew(&mut self) {
        let old = path_of(&self.segment.folder, self.segment.number);
        match Segment::begin(&self.segment.folder, self.next, &self.carried, self.grows, &self.counts) {
            Ok(segment) => {
                self.segment = segment;
                // What is forgotten is not carried.
                self.owed.clear();
                if let Err(error) = std::fs::remove_file(&old) {
                    tracing::warn!(file = %old.display(), %error, "an old file of the journal could not be removed; the next start tries again");
                }
            }
            Err(error) => {
                tracing::warn!(file = %old.display(), %error, "the journal's next file could not be begun; this one grows on");
                self.segment.due_at = self.segment.length + self.grows / 4;
                self.segment.is_over = path_of(&self.segment.folder, self.next).exists();
            }
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_shares_one_sync_and_all_who_wait_are_answered() {
        let folder = tempfile::tempdir().expect("a folder");
        let counts = Arc::new(Counts::default());
        let segment = Segment::begin(folder.path(), 1, &Carried::new(), 1 << 20, &counts).expect("begins");
        let work = Work { segment, carried: Carried::new(), grows: 1 << 20, next: 2, owed: Vec::new(), counts: Arc::clone(&counts) };
        let at_start = counts.syncs.load(Ordering::Relaxed);
        let (requests, received) = channel();
        let mut waiting = Vec::new();
        for task in 0..64 {
            let key = (Uuid::from_u128(task), 1);
            for kind in [Kind::Received, Kind::Changed, Kind::Ended, Kind::Forgotten] {
                let (answer, answered) = oneshot::channel();
                requests.send(Request { kind, key, bytes: bytes_of(kind, key, b"{}", b""), answer }).expect("taken");
                waiting.push(answered);
            }
        }
        drop(requests);
        work.run(&received);
        assert_eq!(counts.syncs.load(Ordering::Relaxed) - at_start, 1);
        assert_eq!(counts.entries.load(Ordering::Relaxed), 4 * 64);
        assert!(waiting.into_iter().all(|answered| matches!(answered.blocking_recv(), Ok(Ok(())))), "somebody was not answered");
    }
}
