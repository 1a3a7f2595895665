//! Calls that come at the same time, dealt with in one go: while one lot is under way, those that come meanwhile gather for the next. Whoever
//! comes alone waits for nobody.
//!
//! A lot is dealt with to its end although a caller gives up: its transaction is that of others, too.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chiffon_process::caught;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

/// So many at once, at most.
const MOST: usize = 64;

type Deal<I, O> = dyn Fn(Vec<I>) -> BoxFuture<'static, Vec<O>> + Send + Sync;

/// One kind of calls, each with what it says and what it is answered. Cheap to clone.
pub struct Together<I, O> {
    gathered: Arc<Mutex<Gathered<I, O>>>,
}

struct Gathered<I, O> {
    waiting: Vec<(I, oneshot::Sender<O>)>,
    is_under_way: bool,
}

impl<I, O> Clone for Together<I, O> {
    fn clone(&self) -> Self {
        Self { gathered: Arc::clone(&self.gathered) }
    }
}

impl<I, O> Default for Together<I, O> {
    fn default() -> Self {
        Self { gathered: Arc::new(Mutex::new(Gathered { waiting: Vec::new(), is_under_way: false })) }
    }
}

impl<I, O> fmt::Debug for Together<I, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Together").finish_non_exhaustive()
    }
}

impl<I: Send + 'static, O: Send + 'static> Together<I, O> {
    /// Says this, and waits for its answer. `deal` is given all that was said by then and answers each, in their order. `None` where it
    /// came to no answer, because it panicked.
    pub async fn say(&self, said: I, deal: impl Fn(Vec<I>) -> BoxFuture<'static, Vec<O>> + Send + Sync + 'static) -> Option<O> {
        let (sender, answer) = oneshot::channel();
        let begins = {
            let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.waiting.push((said, sender));
            !std::mem::replace(&mut gathered.is_under_way, true)
        };
        if begins {
            let this = self.clone();
            #[expect(clippy::disallowed_methods, reason = "it ends with what was said, and whoever said it waits for it")]
            tokio::spawn(async move { this.deal_with_all(&deal).await });
        }
        answer.await.ok()
    }

    async fn deal_with_all(&self, deal: &Deal<I, O>) {
        while let Some(lot) = self.next_lot() {
            let (said, senders): (Vec<I>, Vec<_>) = lot.into_iter().unzip();
            // Of a panic its own caller hears, and those with it; whoever comes next does not wait for it.
            let Ok(answers) = caught(async { deal(said).await }).await else { continue };
            for (sender, answer) in senders.into_iter().zip(answers) {
                // Nobody waits for it any more where its caller has hung up.
                sender.send(answer).ok();
            }
        }
    }

    fn next_lot(&self) -> Option<Vec<(I, oneshot::Sender<O>)>> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let many = gathered.waiting.len().min(MOST);
        gathered.is_under_way = many > 0;
        (many > 0).then(|| gathered.waiting.drain(..many).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_comes_while_one_lot_is_under_way_is_the_next_lot() {
        let (together, lots, gate) =
            (Together::<usize, (usize, usize)>::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let say = |number: usize| {
            let (together, lots, gate) = (together.clone(), Arc::clone(&lots), Arc::clone(&gate));
            async move {
                let deal = move |said: Vec<usize>| {
                    let (lot, gate) = (lots.fetch_add(1, Ordering::SeqCst), Arc::clone(&gate));
                    async move {
                        gate.acquire().await.expect("it is open").forget();
                        said.into_iter().map(|number| (number, lot)).collect()
                    }
                    .boxed()
                };
                together.say(number, deal).await
            }
        };
        let (many, opened) = (join_all((0..100).map(say)), async {
            tokio::task::yield_now().await;
            gate.add_permits(3);
        });
        let (answers, ()) = tokio::join!(many, opened);
        let answers: Vec<(usize, usize)> = answers.into_iter().flatten().collect();
        assert_eq!(answers.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        let sizes: Vec<usize> = (0..3).map(|lot| answers.iter().filter(|(_, of)| *of == lot).count()).collect();
        assert_eq!((sizes.iter().sum::<usize>(), sizes[0].max(sizes[1])), (100, MOST), "{sizes:?}");
        gate.add_permits(1);
        assert_eq!(say(7).await, Some((7, lots.load(Ordering::SeqCst) - 1)), "one that comes alone is a lot");
    }

    #[tokio::test]
    async fn a_panic_is_no_answer_and_holds_nobody_up() {
        let together = Together::<usize, usize>::default();
        let deal = |said: Vec<usize>| async move { said.into_iter().map(|number| 10 / number).collect() }.boxed();
        assert_eq!(together.say(0, deal).await, None);
        assert_eq!(together.say(5, deal).await, Some(2));
    }

    #[tokio::test]
    async fn a_lot_comes_to_its_end_although_its_first_caller_gives_up() {
        let (together, done) = (Together::<usize, usize>::default(), Arc::new(Semaphore::new(0)));
        let deal = {
            let done = Arc::clone(&done);
            move |said: Vec<usize>| {
                let done = Arc::clone(&done);
                async move {
                    tokio::task::yield_now().await;
                    done.add_permits(said.len());
                    said
                }
                .boxed()
            }
        };
        assert_eq!(together.say(1, deal).now_or_never(), None);
        done.acquire().await.expect("it is done").forget();
    }
}
