//! Where a Chiffon is asked, and with which token, as people and data directories name them: what can't be one is said with its name
//! and an example, before anything is called.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::args::Global;
use crate::data_dir::DataDir;
use crate::exit::Failure;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Where a Chiffon is asked.
#[derive(Debug, Clone)]
pub enum Place {
    /// At the first of these that answers, as it was said.
    Said(Vec<String>),
    /// Where the `chiffon up` of a data directory says that it listens.
    Kept(Kept),
}

/// A data directory that names an address.
#[derive(Debug, Clone)]
pub struct Kept {
    data_dir: DataDir,
    /// What it named last; `None` where it never has.
    last: Arc<Mutex<Option<Vec<String>>>>,
}

impl Place {
    /// The one that the flags, the environment or the data directory name.
    pub fn of(global: &Global, data_dir: &DataDir) -> Result<Self, Failure> {
        if let Some(said) = &global.url {
            let by = if global.url == chiffon_process::config::variable("CHIFFON_URL") { "CHIFFON_URL" } else { "--url" };
            return Ok(Self::Said(list(said, by)?));
        }
        let named = read(&data_dir.url()).map(|text| list(&text, &format!("in {}", data_dir.url().display()))).transpose()?;
        Ok(Self::Kept(Kept { data_dir: data_dir.clone(), last: Arc::new(Mutex::new(named)) }))
    }

    /// The addresses, in the order in which they are asked; none while the one of the data directory is starting. A file is read each time: a
    /// Chiffon that has come back may listen elsewhere.
    pub fn addresses(&self) -> Vec<String> {
        match self {
            Self::Said(addresses) => addresses.clone(),
            Self::Kept(kept) => kept.addresses(),
        }
    }

    /// The data directory, where no flag named the address.
    pub fn data_dir(&self) -> Option<&DataDir> {
        match self {
            Self::Said(_) => None,
            Self::Kept(kept) => Some(&kept.data_dir),
        }
    }

    /// Whether it is known that the `chiffon up` that listened here has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Kept(kept) if kept.last().is_some() && kept.data_dir.is_free())
    }

    /// Whether it is known that nobody who listens here is the Chiffon that is meant: that has ended, or is starting or stopping.
    pub fn is_away(&self) -> bool {
        self.has_ended() || matches!(self, Self::Kept(kept) if kept.last().is_some() && !kept.data_dir.url().exists())
    }
}

impl Kept {
    fn addresses(&self) -> Vec<String> {
        // While one stops or starts, there is no file, or not all of it.
        if let Some(named) = read(&self.data_dir.url()).and_then(|text| list(&text, "").ok()) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(named);
        }
        // One that is starting has not said yet where it will listen, and whoever listens elsewhere is another.
        self.last().unwrap_or_else(|| if self.data_dir.is_in_use() { Vec::new() } else { vec![DEFAULT_URL.to_owned()] })
    }

    fn last(&self) -> Option<Vec<String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a small file holds, if it is there.
pub fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// Addresses that calls can go to. `named_by` is the flag, the variable or the file.
fn list(text: &str, named_by: &str) -> Result<Vec<String>, Failure> {
    let bases: Vec<String> = text.split(',').map(|url| url.trim().trim_end_matches('/').to_owned()).filter(|url| !url.is_empty()).collect();
    if bases.is_empty() {
        return Err(Failure::usage(format!("no address is named ({named_by}); give one such as {DEFAULT_URL}")));
    }
    let callable = |base: &&String| {
        let url = base.parse::<reqwest::Url>();
        url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none())
    };
    let Some(bad) = bases.iter().find(|base| !callable(base)) else { return Ok(bases) };
    let with_scheme = format!("http://{bad}");
    let is_meant = !bad.contains("://") && bad.contains([':', '.']) && callable(&&with_scheme);
    let example = if is_meant { with_scheme } else { DEFAULT_URL.to_owned() };
    Err(Failure::usage(format!("`{}` ({named_by}) is not an address; give one such as {example}", bad.escape_debug())))
}

/// A token that a header can carry.
pub fn token(token: String) -> Result<String, Failure> {
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(token);
    }
    Err(Failure::usage("CHIFFON_TOKEN holds blanks, line ends or letters that no token has; copy it again from `chiffon token create`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_asked_anew_for_each_call_and_an_address_that_was_said_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::choose(Some(folder.path())).expect("named");
        let mut global = Global { output: crate::args::Output::Text, url: None, data_dir: None, config: None };
        let kept = Place::of(&global, &data_dir).expect("none yet is no error");
        assert_eq!(kept.addresses(), [DEFAULT_URL]);
        assert!(!kept.has_ended(), "none was ever seen here");
        let starting = std::fs::File::create(data_dir.lock()).expect("written");
        let held = nix::fcntl::Flock::lock(starting, nix::fcntl::FlockArg::LockExclusiveNonblock).expect("nobody else has it");
        assert!(kept.addresses().is_empty(), "it is starting, and whoever listens at the usual address is another");
        drop(held);
        std::fs::remove_file(data_dir.lock()).expect("there");
        let write = |text: &str| std::fs::write(data_dir.url(), text).expect("written");
        write("http://127.0.0.1:1/\n");
        assert_eq!(kept.addresses(), ["http://127.0.0.1:1"]);
        for half in ["", "http:"] {
            write(half);
            assert_eq!(kept.addresses(), ["http://127.0.0.1:1"], "{half:?}");
        }
        std::fs::remove_file(data_dir.url()).expect("there");
        assert_eq!((kept.addresses(), kept.is_away()), (vec!["http://127.0.0.1:1".to_owned()], true));
        write("http://127.0.0.1:2");
        assert!(!kept.has_ended() && !kept.is_away(), "without a lock nothing is known");
        std::fs::write(data_dir.lock(), "").expect("written");
        assert!(kept.has_ended(), "nobody holds it");
        assert_eq!(kept.clone().addresses(), ["http://127.0.0.1:2"]);
        global.url = Some("http://nas:1, http://pi:1/".to_owned());
        let said = Place::of(&global, &data_dir).expect("they are addresses");
        assert_eq!((said.addresses().join(" "), said.has_ended()), ("http://nas:1 http://pi:1".to_owned(), false));
    }
}
