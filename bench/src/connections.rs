//! What connections cost on which nobody calls: one `chiffon up`, whose memory is read before they are opened, while they stand, and after.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chiffon_bench::processes;
use chiffon_e2e::Home;

/// How long everything is left alone before a look.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures it for each of these numbers, first with the limits as they are when nobody sets them, then with all of them taken.
pub async fn measure(numbers: &[usize]) -> anyhow::Result<()> {
    let most = numbers.iter().max().copied().unwrap_or_default() + 100;
    println!("With the limits as they are:\n");
    measure_with(numbers, &[]).await?;
    println!("\nWith all of them taken, and none given up for its silence:\n");
    let all = [("CHIFFON__HTTP__MAX_CONNECTIONS", most.to_string()), ("CHIFFON__HTTP__HEADER_TIMEOUT", "10m".to_owned())];
    measure_with(numbers, &all).await
}

async fn measure_with(numbers: &[usize], settings: &[(&str, String)]) -> anyhow::Result<()> {
    let home = Home::new();
    let mut command = home.command(&["up", "--listen", "127.0.0.1:0", "--bus", "memory", "--playbooks"]);
    command.arg(Home::catalogue()).envs(settings.iter().cloned());
    let mut up = home.start(&mut command);
    let url = std::fs::read_to_string(home.data_dir().join("url"))?;
    let address = url.trim().trim_start_matches("http://").to_owned();
    println!("| idle connections | memory before | with them | for each | after |\n|---|---|---|---|---|");
    for number in numbers {
        tokio::time::sleep(SETTLE).await;
        let resident = || processes::resident(up.pid()).context("its memory can't be read");
        let before = resident()?;
        let open = (0..*number).map(|_| TcpStream::connect(&address)).collect::<Result<Vec<_>, _>>().context("is `ulimit -n` too low?")?;
        tokio::time::sleep(SETTLE).await;
        let with = resident()?;
        if !settings.is_empty() {
            ensure!(home.api().get("/health/live").await.0 == 200, "it answers no more");
        }
        drop(open);
        tokio::time::sleep(SETTLE).await;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand connections")]
        let each = (with - before).max(0.0) * 1024.0 / *number as f64;
        ensure!(home.api().get("/health/live").await.0 == 200, "it answers no more");
        println!("| {number} | {before:.0} MiB | {with:.0} MiB | {each:.1} KiB | {:.0} MiB |", resident()?);
    }
    up.stop(Duration::from_mins(1));
    Ok(())
}
