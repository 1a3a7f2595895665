//! The private servers of `chiffon up` are killed under it, and work goes on.

use std::fs;

use chiffon_e2e::{Home, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn kill_server(home: &Home, pid_file: &str) -> i32 {
    let pid = pid_of(home, pid_file).expect("it runs");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
    pid
}

fn pid_of(home: &Home, pid_file: &str) -> Option<i32> {
    fs::read_to_string(home.data_dir().join(pid_file)).ok()?.lines().next()?.trim().parse().ok()
}

#[tokio::test]
async fn a_killed_private_server_is_started_again_and_work_goes_on() {
    let home = Home::new();
    let mut up = home.up(&["--bus", "rabbitmq"]);
    for pid_file in ["postgres/cluster/postmaster.pid", "rabbitmq/pid"] {
        let killed = kill_server(&home, pid_file);
        eventually("all is well again", || async {
            let (_, health) = home.api().try_get("/health").await?;
            let is_another = pid_of(&home, pid_file).is_some_and(|pid| pid != killed);
            let is_well = ["database", "bus"].iter().all(|part| health["checks"][part]["status"] == "ok");
            if is_another && is_well { Ok(()) } else { Err(health.to_string()) }
        })
        .await;
        let told = home.succeed(&["request", "--yes", "How full are the disks on nas?"]);
        assert!(told.contains("completed"), "{told}");
    }
    let said = up.said();
    assert!(said.contains("private PostgreSQL ended by itself") && said.contains("private RabbitMQ runs again"), "{said}");
    assert_eq!(up.stop(std::time::Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}
