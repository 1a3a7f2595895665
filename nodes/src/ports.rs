//! Free ports on loopback, alone or in a row.
//!
//! They are looked for below the range from which the kernel gives ports to outgoing connections, so that a node which
//! is killed and started again doesn't find its port taken by somebody's connection in between.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};

use nix::unistd::Pid;

use crate::{NodeError, secret};

const LOWEST: u16 = 10_000;
const TRIES: usize = 500;

/// The first of `len` adjacent ports of 127.0.0.1 on which nobody listens.
pub fn free_range(len: u16) -> Result<u16, NodeError> {
    let below = first_outgoing().saturating_sub(len).max(LOWEST + 1);
    for _ in 0..TRIES {
        let random = u16::from_le_bytes(secret::random::<2>()?);
        let first = LOWEST + random % (below - LOWEST);
        if is_free(first, len) {
            return Ok(first);
        }
    }
    for _ in 0..TRIES {
        let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        if let Ok(address) = any
            && address.port().checked_add(len).is_some()
            && is_free(address.port(), len)
        {
            return Ok(address.port());
        }
    }
    Err(NodeError::NoFreePorts { len })
}

/// Whether all of `len` ports from `first` can be listened on, at the same time.
pub(crate) fn is_free(first: u16, len: u16) -> bool {
    let listeners: Result<Vec<_>, _> = (first..first + len).map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))).collect();
    listeners.is_ok()
}

/// Whether one of these processes listens on the port. Another program may have taken it since it was free.
///
/// The processes are looked for, which takes a while, only when somebody listens at all.
pub(crate) fn are_listening(pids: impl FnOnce() -> Vec<Pid>, port: u16) -> bool {
    let listening = listeners(port);
    !listening.is_empty()
        && pids().iter().any(|pid| {
            let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok()?.into_os_string().into_string().ok());
            targets.any(|target| listening.contains(&target))
        })
}

/// The sockets that listen on a port of whatever address, as `/proc/PID/fd` names them.
///
/// proc(5): `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode`, with `0A` for a socket that listens.
fn listeners(port: u16) -> HashSet<String> {
    let end = format!(":{port:04X}");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1)).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let listening = rows.filter(|fields| fields.len() > 9 && fields[1].ends_with(&end) && fields[3] == "0A");
    listening.map(|fields| format!("socket:[{}]", fields[9])).collect()
}

fn first_outgoing() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|low| low.parse().ok()).filter(|low| *low > LOWEST + 1000).unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_free_until_somebody_listens_in_it() {
        let first = free_range(12).expect("a range");
        assert!(is_free(first, 12));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first + 5)).expect("it is free");
        assert!(!is_free(first, 12));
        assert!(is_free(first, 5));
    }

    #[test]
    fn who_listens_on_a_port_is_told_from_who_does_not() {
        let port = free_range(1).expect("a port");
        assert!(!are_listening(|| vec![Pid::this()], port));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("it is free");
        assert!(are_listening(|| vec![Pid::this()], port));
        assert!(!are_listening(|| vec![Pid::parent()], port));
        let _client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it connects");
        assert!(are_listening(|| vec![Pid::parent(), Pid::this()], port));
    }
}
