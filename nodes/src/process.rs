//! Looking at processes by their ids, as `/proc` shows them.

use std::fs;

/// Whether the process is there (a zombie is not).
pub fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !state_of(&stat).is_some_and(|state| state == 'Z' || state == 'X'))
}

/// Whether the process's command line contains this.
pub fn mentions(pid: i32, needle: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(needle))
}

/// The fields after the program's name, which may hold spaces and parentheses.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

fn state_of(stat: &str) -> Option<char> {
    fields(stat).next()?.chars().next()
}
