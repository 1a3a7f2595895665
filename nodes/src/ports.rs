//! Free ports on loopback, alone or in a row.
//!
//! They are looked for below the range from which the kernel gives ports to outgoing connections, so that a node which
//! is killed and started again doesn't find its port taken by somebody's connection in between.

use std::net::{Ipv4Addr, TcpListener};

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
}
