//! What comes from outside, read no further than a bound: whoever answers without end costs no memory.
//!
//! For any stream of chunks, such as the `bytes_stream` of an HTTP answer, and for what a program writes. What is read stays with the
//! caller; nothing is parsed here.

use std::io;
use std::process::{Output, Stdio};

use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E> {
    /// There is more than may be read.
    #[error("it is longer than {most_bytes} bytes")]
    TooLong {
        /// The bound.
        most_bytes: usize,
    },
    /// It ended too early.
    #[error("it broke off: {0}")]
    Broken(E),
}

/// A whole body, unless it is longer than this.
pub async fn body<B, E>(chunks: impl Stream<Item = Result<B, E>>, most_bytes: usize) -> Result<Vec<u8>, ReadError<E>>
where
    B: AsRef<[u8]>,
{
    let mut chunks = std::pin::pin!(chunks);
    let mut read = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(ReadError::Broken)?;
        if read.len() + chunk.as_ref().len() > most_bytes {
            return Err(ReadError::TooLong { most_bytes });
        }
        read.extend_from_slice(chunk.as_ref());
    }
    Ok(read)
}

/// The beginning of a body, as a text: enough of it to say what was wrong.
pub async fn beginning<B, E>(chunks: impl Stream<Item = Result<B, E>>, most_bytes: usize) -> String
where
    B: AsRef<[u8]>,
{
    let mut chunks = std::pin::pin!(chunks);
    let mut read: Vec<u8> = Vec::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        read.extend(chunk.as_ref().iter().take(most_bytes - read.len()));
        if read.len() >= most_bytes {
            break;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// Runs a program and gives what it wrote; one that writes more than this on either pipe is killed.
pub async fn output(command: &mut Command, most_bytes: usize) -> io::Result<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(written(out, most_bytes), written(err, most_bytes))?;
    Ok(Output { status: child.wait().await?, stdout, stderr })
}

async fn written(pipe: Option<impl AsyncRead + Unpin>, most_bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(pipe) = pipe {
        let one_more = u64::try_from(most_bytes).unwrap_or(u64::MAX).saturating_add(1);
        pipe.take(one_more).read_to_end(&mut read).await?;
    }
    if read.len() > most_bytes { Err(io::Error::other(format!("it wrote more than {most_bytes} bytes"))) } else { Ok(read) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::stream;

    use super::*;

    fn chunks(taken: &Cell<usize>) -> impl Stream<Item = Result<Vec<u8>, &'static str>> + '_ {
        stream::repeat_with(|| {
            taken.set(taken.get() + 1);
            Ok(vec![b'x'; 1000])
        })
    }

    #[tokio::test]
    async fn a_body_without_end_is_given_up_at_the_bound() {
        let taken = Cell::new(0);
        assert!(matches!(body(chunks(&taken), 10_000).await, Err(ReadError::TooLong { most_bytes: 10_000 })));
        assert_eq!(taken.get(), 11);
        taken.set(0);
        assert_eq!(beginning(chunks(&taken), 2500).await.len(), 2500);
        assert_eq!(taken.get(), 3);
    }

    #[tokio::test]
    async fn a_body_within_the_bound_is_whole_and_a_broken_one_says_so() {
        let whole = stream::iter([Ok::<_, &str>("one "), Ok("two")]);
        assert_eq!(body(whole, 7).await.ok().as_deref(), Some(b"one two".as_slice()));
        let broken = stream::iter([Ok("one "), Err("the peer is gone")]);
        assert!(matches!(body(broken, 7).await, Err(ReadError::Broken("the peer is gone"))));
    }

    #[tokio::test]
    async fn a_program_that_writes_without_end_is_killed_and_one_that_ends_is_heard() {
        let begun = std::time::Instant::now();
        let endless = output(&mut Command::new("yes"), 100_000).await;
        assert!(endless.is_err_and(|error| error.to_string().contains("more than 100000 bytes")));
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
        let said = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]), 100).await.unwrap();
        assert_eq!(
            (said.stdout.as_slice(), said.stderr.as_slice(), said.status.code()),
            (b"out\n".as_slice(), b"err\n".as_slice(), Some(3))
        );
    }
}
