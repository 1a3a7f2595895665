//! Bodies from outside, read no further than a bound: whoever answers without end costs no memory.
//!
//! For any stream of chunks, such as the `bytes_stream` of an HTTP answer. What is read stays with the caller; nothing is parsed here.

use futures::{Stream, StreamExt as _};

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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::stream;

    use super::*;

    fn chunks<'c>(taken: &'c Cell<usize>) -> impl Stream<Item = Result<Vec<u8>, &'static str>> + 'c {
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
}
