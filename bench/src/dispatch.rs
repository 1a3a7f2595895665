//! From `POST /approve` to `ansible-playbook` spawned, on a running `chiffon up`: the agent is told to run a script that notes
//! the time and then becomes `ansible-playbook`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use chiffon_e2e::{Api, Home, write_action};

use crate::table::{Figures, Row};

const TASKS: &str = "    - name: Do nothing\n      ansible.builtin.debug:\n        msg: done\n";

/// The row for one bus.
pub async fn row(driver: &str, runs: usize) -> anyhow::Result<Row> {
    let home = Home::new();
    let (actions, spawned) = (home.path().join("actions"), home.path().join("spawned"));
    write_action(&actions, "do_nothing", "Do nothing", "do nothing on box", "yes", TASKS);
    let inventory = home.path().join("inventory.yml");
    fs::write(
        &inventory,
        "all:\n  hosts:\n    box:\n      ansible_connection: local\n      ansible_python_interpreter: /usr/bin/python3\n",
    )?;
    let script = home.path().join("ansible-playbook");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\ncase \"$*\" in *--list-*|*--version*) ;; *) date +%s%N >> {} ;; esac\nexec ansible-playbook \"$@\"\n",
            spawned.display()
        ),
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;

    let mut up = home.up_at(&actions, &inventory);
    let _up = home.start(up.args(["--bus", driver]).env("CHIFFON__AGENT__INFRASTRUCTURE__ANSIBLE_PLAYBOOK", &script));
    let api = home.api();
    let mut milliseconds = Vec::with_capacity(runs);
    // The first run is not counted: it fills caches.
    for run in 0..=runs {
        let took = once(&api, &spawned).await?;
        if run > 0 {
            milliseconds.push(took);
        }
    }
    let work = format!("dispatch: POST /approve to ansible-playbook spawned ({driver})");
    Ok(Row::alone(work, "ms", Figures::of(milliseconds)))
}

async fn once(api: &Api, spawned: &Path) -> anyhow::Result<f64> {
    let id = api.ask("do nothing on box").await;
    let request = api.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await;
    ensure!(request["status"] == "awaiting_approval", "no plan was made: {request}");
    // The agent asks ansible-playbook for more than plays, so lines are counted anew for each run.
    let before = spawns(spawned)?.len();
    let approved = now_ns()?;
    let (status, body) = api.approve(&request).await;
    ensure!(status == 200, "{body}");
    let done = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    ensure!(done["status"] == "completed", "{done}");
    let since = spawns(spawned)?.split_off(before);
    let [at] = since[..] else { bail!("an approval spawns one play, but the script ran at {since:?}") };
    let nanoseconds =
        at.checked_sub(approved).with_context(|| format!("the play was spawned at {at}, before its approval at {approved}"))?;
    Ok(f64::from(u32::try_from(nanoseconds).context("below four seconds")?) / 1e6)
}

/// When plays were spawned so far.
fn spawns(file: &Path) -> anyhow::Result<Vec<u128>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    fs::read_to_string(file)?.lines().map(|line| Ok(line.parse()?)).collect()
}

fn now_ns() -> anyhow::Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())
}
