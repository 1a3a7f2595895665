//! Stopping in order: what runs is finished or reported, what has not begun is handed over at once, and who leaves gives back what
//! only one may hold. And the opposite: a holder that stood still, and goes on after another has taken over.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use chiffon_e2e::{Api, Fleet, Home, Part, Running, Stage, StageOptions, eventually, one_host, write_action};
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::Signal;

use super::verdict::{all_is_well, nothing_is_left};
use crate::cluster::WAITING;

const LEAVES_WITHIN: Duration = Duration::from_secs(40);

async fn has_ended(running: &mut Running) -> Option<i32> {
    let deadline = std::time::Instant::now() + LEAVES_WITHIN;
    loop {
        if let Some(code) = running.ended() {
            return code;
        }
        assert!(std::time::Instant::now() < deadline, "it did not leave; it said:\n{}", running.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A second orchestrator on the same database and broker, once it listens.
async fn another(stage: &Stage) -> (Running, Api) {
    let address = Fleet::free_address();
    let mut command: Command = stage.serve_command();
    command.env("CHIFFON__HTTP__LISTEN", &address);
    let running = Running::start(&mut command, &stage.home.path().join("another.log"));
    eventually("the other orchestrator listens", || {
        let address = address.clone();
        async move { tokio::net::TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string()) }
    })
    .await;
    let api = stage.api_at(&address);
    (running, api)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestrator_that_leaves_hands_its_planning_and_its_leases_over_at_once() {
    let mut stage = Stage::start(StageOptions { with_model: true, ..StageOptions::default() }).await;
    let host = stage.new_host();
    stage.model.hold();
    let id = stage.api().ask(&format!("walk on {host}")).await;
    let renewed = format!(
        "SELECT id::text FROM requests WHERE id = '{id}' AND planning_epoch = 1
        AND planning_lease_until > created_at + interval '9 seconds'"
    );
    stage.until_some("its planner has kept the round for longer than the lease that it took", &renewed).await;
    assert_eq!(stage.model.asked(), 1, "one planner, one call");

    stage.signal(Part::Orchestrator, Signal::SIGTERM);
    assert_eq!(has_ended(stage.serve()).await, Some(0), "{}", stage.serve().said());
    let free = format!("SELECT id::text FROM requests WHERE id = '{id}' AND planning_lease_until IS NULL AND planning_tries = 0");
    assert_eq!(stage.rows(&free).await.expect("rows"), [id.as_str()], "the round is given back, and was not tried");
    assert_eq!(stage.rows("SELECT name FROM leases WHERE expires_at > now()").await.expect("rows"), [""; 0], "no lease is kept");
    stage.model.release();
    stage.revive(Part::Orchestrator).await;
    let planned = stage.request_when(&id, &["awaiting_approval"]).await;
    stage.approve(&planned).await;
    stage.request_when(&id, &["completed"]).await;
    all_is_well(&stage).await;
    stage.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_leaves_finishes_what_runs_and_at_the_second_signal_reports_that_it_did_not() {
    let mut stage = Stage::start(StageOptions::default()).await;
    let host = stage.new_host();
    stage.hold_walk(&host, true);
    let id = stage.ask_and_approve(&host).await;
    stage.has_begun(&host).await;
    stage.signal(Part::Agent, Signal::SIGTERM);
    let paused = "SELECT id FROM agents WHERE availability = 'paused'";
    stage.until_some("the agent says that it takes nothing more", paused).await;
    assert_eq!(stage.agent().ended(), None, "it finishes what runs");
    stage.hold_walk(&host, false);
    assert_eq!(has_ended(stage.agent()).await, Some(0), "{}", stage.agent().said());
    stage.request_when(&id, &["completed"]).await;

    stage.revive(Part::Agent).await;
    stage.agent_is_alive().await;
    let host = stage.new_host();
    stage.hold_walk(&host, true);
    let id = stage.ask_and_approve(&host).await;
    stage.has_begun(&host).await;
    stage.signal(Part::Agent, Signal::SIGTERM);
    stage.until_some("the agent says that it takes nothing more", paused).await;
    stage.signal(Part::Agent, Signal::SIGTERM);
    assert_eq!(has_ended(stage.agent()).await, Some(0), "{}", stage.agent().said());
    let cut_off = stage.request_when(&id, &["needs_attention", "completed", "failed"]).await;
    assert_eq!(cut_off["tasks"][0]["status"], "interrupted", "said by the one that left, not by a lease: {cut_off:#}");
    assert_eq!(stage.lines(&host).ended, [""; 0], "it was stopped in its middle");
    assert_eq!(stage.home.leftovers().iter().filter(|process| process.contains("while [ -e hold ]")).count(), 0);
    stage.revive(Part::Agent).await;
    stage.agent_is_alive().await;
    nothing_is_left(&stage, "after a second signal").await;
    stage.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_of_leases_that_stood_still_changes_nothing_twice_when_it_goes_on() {
    let mut stage = Stage::start(StageOptions::default()).await;
    let (mut other, api) = another(&stage).await;
    for _ in 0..2 {
        let holder = stage.rows("SELECT holder FROM leases WHERE name = 'git_scribe'").await.expect("rows").concat();
        let is_first = holder.contains(&format!("-{}-", stage.serve().pid()));
        let (host, second) = (stage.new_host(), stage.new_host());
        stage.hold_walk(&host, true);
        let id = stage.ask_and_approve(&host).await;
        stage.has_begun(&host).await;
        let freeze =
            |stage: &Stage, other: &Running, signal| if is_first { stage.signal(Part::Orchestrator, signal) } else { other.signal(signal) };
        freeze(&stage, &other, Signal::SIGSTOP);
        stage.hold_walk(&host, false);
        let taken = format!(
            "SELECT holder FROM leases WHERE name IN ('git_scribe', 'lease_reaper') AND holder <> '{holder}' AND expires_at > now()"
        );
        eventually("the other holds both leases", || async {
            let rows = stage.rows(&taken).await?;
            if rows.len() == 2 { Ok(()) } else { Err(format!("{rows:?}")) }
        })
        .await;
        let awake = if is_first { api.clone() } else { stage.api() };
        let done = awake.request_when(&id, &["completed"]).await;
        assert_eq!(stage.lines(&host).ended.len(), 1, "{done:#}");
        freeze(&stage, &other, Signal::SIGCONT);
        let id = stage.ask_and_approve(&second).await;
        stage.request_when(&id, &["completed"]).await;
        assert_eq!(stage.lines(&second).began.len(), 1, "walked once");
        nothing_is_left(&stage, "after it went on").await;
    }
    all_is_well(&stage).await;
    assert_eq!(other.stop(LEAVES_WITHIN), Some(0), "{}", other.said());
    stage.stop();
}

/// A `chiffon up` in which a play waits for a file on its host.
struct Playing {
    home: Home,
    bus: &'static str,
    host: PathBuf,
    folders: (PathBuf, PathBuf),
    id: String,
}

impl Playing {
    async fn begin(bus: &'static str, start: impl FnOnce(&Home, &mut Command) -> Running) -> (Self, Running) {
        let home = Home::new();
        let actions = home.path().join("actions");
        write_action(&actions, "take_long", "Take long", "take long on box", "no", WAITING);
        let (inventory, host) = one_host(&home);
        let up = start(&home, home.up_at(&actions, &inventory).args(["--bus", bus]));
        let id = home.api().ask_and_approve("take long on box").await;
        let playing = Self { home, bus, host, folders: (actions, inventory), id };
        eventually("the play has begun", || async { if playing.runs() == "ran\n" { Ok(()) } else { Err(playing.runs()) } }).await;
        (playing, up)
    }

    fn runs(&self) -> String {
        std::fs::read_to_string(self.host.join("runs")).unwrap_or_default()
    }

    /// It was told to leave: it finishes the play, leaves in order, and the next one knows how the play ended.
    async fn is_finished_by(&self, up: &mut Running) {
        eventually("it says that it leaves", || async {
            let (status, ready) = self.home.api().try_get("/health/ready").await?;
            if (status, &ready["status"]) == (503, &"leaving".into()) { Ok(()) } else { Err(ready.to_string()) }
        })
        .await;
        assert_eq!(up.ended(), None, "it finishes what runs");
        std::fs::write(self.host.join("go"), "").expect("written");
        assert_eq!(has_ended(up).await, Some(0), "{}", up.said());
        let _up = self.home.start(self.home.up_at(&self.folders.0, &self.folders.1).args(["--bus", self.bus]));
        let done = self.home.api().request_when(&self.id, &["completed", "failed", "needs_attention"]).await;
        assert_eq!(done["status"], "completed", "{done:#}");
        assert_eq!(self.runs(), "ran\nended\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chiffon_up_finishes_what_runs_before_it_leaves_and_has_recorded_it_at_the_next_start() {
    let (playing, mut up) = Playing::begin("rabbitmq", Home::start).await;
    up.signal(Signal::SIGTERM);
    playing.is_finished_by(&mut up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chiffon_up_whose_terminal_is_closed_finishes_what_runs_and_leaves_in_order() {
    let mut terminal = None;
    let at_terminal = |home: &Home, up: &mut Command| {
        let (ours, theirs) = terminal_ends();
        terminal = Some(ours);
        home.ready(|| {
            // It leads a session whose terminal this is, so that the kernel tells it of the end.
            let mut session = Command::new("setsid");
            session
                .arg("--ctty")
                .arg(up.get_program())
                .args(up.get_args())
                .current_dir(home.path())
                .stdin(theirs.try_clone().expect("shared"));
            for (name, value) in up.get_envs() {
                match value {
                    Some(value) => session.env(name, value),
                    None => session.env_remove(name),
                };
            }
            Running::start_on(&mut session, &theirs, &home.path().join("up.log"))
        })
    };
    let (playing, mut up) = Playing::begin("memory", at_terminal).await;
    drop(terminal);
    // A shell that was hung up tells those that it has started, too; that is no second Ctrl-C.
    up.signal(Signal::SIGHUP);
    playing.is_finished_by(&mut up).await;
}

/// Both ends of a terminal; the first one, which nobody else gets, is what closes it.
fn terminal_ends() -> (PtyMaster, File) {
    let ours = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a terminal");
    grantpt(&ours).expect("its other end is ours");
    unlockpt(&ours).expect("its other end can be opened");
    let name = ptsname_r(&ours).expect("its other end has a name");
    let theirs = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(name).expect("its other end");
    (ours, theirs)
}
