//! A way to the broker on which one kind of frame is lost.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// `basic.cancel` (<https://www.rabbitmq.com/amqp-0-9-1-reference#basic.cancel>): class 60, method 30.
const CANCEL: [u8; 4] = [0, 60, 0, 30];

/// `basic.ack` (<https://www.rabbitmq.com/amqp-0-9-1-reference#basic.ack>): class 60, method 80.
const ACK: [u8; 4] = [0, 60, 0, 80];
/// `channel.open-ok` (<https://www.rabbitmq.com/amqp-0-9-1-reference#channel.open-ok>): class 20, method 11.
const CHANNEL_OPENED: [u8; 4] = [0, 20, 0, 11];

/// What the broker says and nobody hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// That a consumer's queue is gone.
    Notices,
    /// That it has a message, on each connection's first channel.
    FirstConfirms,
    /// Nothing, until the way is [cut](Mute::cut).
    Nothing,
}

/// Listens for as long as it is kept.
pub struct Mute {
    url: String,
    cuts: watch::Sender<u32>,
    _ways: JoinSet<()>,
}

impl Mute {
    /// A way to the broker at this address, on which this is lost.
    pub async fn before(url: &str, lost: Lost) -> Self {
        let (front, rest) = url.rsplit_once('@').unwrap();
        let (broker, vhost) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{front}@{}/{vhost}", listener.local_addr().unwrap());
        let (broker, mut ways, cuts) = (broker.to_owned(), JoinSet::new(), watch::Sender::new(0));
        let heard = cuts.clone();
        ways.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&broker).await.unwrap();
                connections.spawn(between(client, server, lost, heard.subscribe()));
            }
        });
        Self { url, cuts, _ways: ways }
    }

    /// Ends the connections that are on the way.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The address of its near end.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn between(client: TcpStream, server: TcpStream, lost: Lost, mut cuts: watch::Receiver<u32>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
    // Either end may just go.
    tokio::select! {
        cut = cuts.changed() => drop(cut),
        sent = copy(&mut from_client, &mut to_server) => drop(sent),
        told = tell(&mut from_server, &mut to_client, lost) => drop(told),
    }
}

/// Hands the broker's frames on, all but what is lost.
async fn tell(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), lost: Lost) -> std::io::Result<()> {
    let mut channels = 0;
    loop {
        // Its type, its channel, the length of its payload, the payload, and an octet that ends it.
        let mut frame = vec![0; 7];
        from.read_exact(&mut frame).await?;
        let length = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]);
        frame.resize(7 + usize::try_from(length).unwrap() + 1, 0);
        from.read_exact(&mut frame[7..]).await?;
        let is = |method: &[u8]| frame[0] == 1 && frame[7..].starts_with(method);
        channels += u32::from(is(&CHANNEL_OPENED));
        let is_lost = match lost {
            Lost::Notices => is(&CANCEL),
            Lost::FirstConfirms => is(&ACK) && channels < 2,
            Lost::Nothing => false,
        };
        if !is_lost {
            to.write_all(&frame).await?;
        }
    }
}
