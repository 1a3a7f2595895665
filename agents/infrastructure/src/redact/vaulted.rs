//! What Ansible's vault decrypts during a play, told to redaction through a file that only this user can read.
//!
//! A callback of ours in the play's process notes each decrypted text before anything can show it; the file lies in the
//! run's scratch folder, beside the play's parameters, and goes with it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_norway::Value;

use crate::ansible_config::CALLBACKS;

const CALLBACK: &str = include_str!("chiffon_vaulted.py");

/// The file, read as it grows.
#[derive(Debug, Clone)]
pub(crate) struct Vaulted {
    path: PathBuf,
    read: u64,
}

impl Vaulted {
    /// Puts the callback and the empty file into the scratch folder.
    pub(crate) fn prepare(scratch: &Path) -> io::Result<Self> {
        let folder = scratch.join("callback");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("chiffon_vaulted.py"), CALLBACK)?;
        let path = scratch.join("vaulted");
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        Ok(Self { path, read: 0 })
    }

    /// What the play's process needs in its environment; `others`: the folders of other callbacks.
    pub(crate) fn environment(&self, others: &OsStr) -> Vec<(&'static str, OsString)> {
        let mut paths = self.path.with_file_name("callback").into_os_string();
        // What an operator has set for the agent itself is meant; what lies in a home folder by chance is not.
        for folders in chiffon_process::config::variable(CALLBACKS).iter().map(OsString::from).chain([others.to_owned()]) {
            paths.push(":");
            paths.push(folders);
        }
        vec![("CHIFFON_VAULTED", self.path.clone().into_os_string()), (CALLBACKS, paths)]
    }

    /// The values that were decrypted since the last call.
    pub(super) fn news(&mut self) -> Vec<String> {
        let text = self.unread().unwrap_or_default();
        let mut values = Vec::new();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            self.read += u64::try_from(line.len()).unwrap_or(0);
            if let Ok(bytes) = STANDARD.decode(line.trim_end()) {
                collect(&String::from_utf8_lossy(&bytes), &mut values);
            }
        }
        values
    }

    fn unread(&self) -> io::Result<String> {
        let mut text = String::new();
        if std::fs::metadata(&self.path)?.len() > self.read {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.read))?;
            file.read_to_string(&mut text)?;
        }
        Ok(text)
    }
}

/// A vaulted file is variables, a vaulted variable one text.
fn collect(text: &str, into: &mut Vec<String>) {
    match serde_norway::from_str::<Value>(text) {
        Ok(value @ (Value::Mapping(_) | Value::Sequence(_))) => leaves(&value, into),
        _ => into.push(text.trim().to_owned()),
    }
}

fn leaves(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Number(number) => into.push(number.to_string()),
        Value::Sequence(items) => items.iter().for_each(|item| leaves(item, into)),
        Value::Mapping(members) => members.values().for_each(|member| leaves(member, into)),
        Value::Tagged(tagged) => leaves(&tagged.value, into),
        Value::Null | Value::Bool(_) => {}
    }
}
