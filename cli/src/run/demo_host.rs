//! The demo host `nas`: an isolated file system of its own under the data directory, with a compose file, an nginx site
//! and a listening service to find. Used when there is no inventory; nothing outside that folder is ever touched.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chiffon_process::private;
use tokio::process::{Child, Command};

use crate::data_dir::DataDir;
use crate::exit::Failure;

/// The demo host's listening service; ends with this value.
#[derive(Debug)]
pub struct DemoHost {
    _service: Option<Child>,
}

/// An inventory that was named.
pub fn named(inventory: &Path) -> Result<PathBuf, Failure> {
    if !inventory.exists() {
        return Err(Failure::usage(format!("there is no inventory at {}", inventory.display())));
    }
    Ok(std::path::absolute(inventory)?)
}

/// The inventory to use: the one that was named, the data directory's, or a new one with the demo host.
pub fn inventory(data_dir: &DataDir, named: Option<PathBuf>, playbooks: &Path) -> Result<(PathBuf, Option<DemoHost>), Failure> {
    if let Some(named) = named {
        return Ok((named, None));
    }
    let inventory = data_dir.inventory();
    let root = data_dir.demo_root();
    if !inventory.exists() {
        copy_tree(&playbooks.join("demo/root"), &root)?;
        let template = fs::read_to_string(playbooks.join("demo/inventory.yml"))?;
        private::write(&inventory, template.replace("@ROOT@", &root.display().to_string()).as_bytes())?;
    }
    // It may hold addresses and passwords.
    private::close(&inventory)?;
    let host = root.is_dir().then(|| start_service(&root)).transpose()?;
    Ok((inventory, host))
}

/// A little web server whose working directory lies inside the demo host's file system: that is how discovery knows it for the host's own.
fn start_service(root: &Path) -> Result<DemoHost, Failure> {
    let pages = root.join("srv/wiki");
    fs::create_dir_all(&pages)?;
    // Asked for and let go again: the service itself takes it a moment later.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let service = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "python3", "-m", "http.server", "--bind", "127.0.0.1", &port.to_string()])
        .current_dir(&pages)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .inspect_err(|error| tracing::warn!(%error, "the demo host goes without its listening service"))
        .ok();
    Ok(DemoHost { _service: service })
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).map_err(|error| Failure::failed(format!("{}: {error}", from.display())))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
