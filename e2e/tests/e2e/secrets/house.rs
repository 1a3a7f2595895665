//! A host, an action and secrets of every kind: by reference, in variables and files that the vault keeps, short ones, of several lines,
//! with letters beyond ASCII, and plain ones in a loop. Its templates write each of them between marks in many spellings.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use chiffon_e2e::Fleet;

const CERTIFICATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ3vT0uQmYb1Hn8xw5Zk2rLs7aGdPcEoXiRfUjSyKtVW
q9Wm4ZsBhXuJoNrTg2YkVd7LcEfPa6iG8tH3xR5wCz0vKjMnQ1pSyUbDlIeOaAFh
-----END PRIVATE KEY-----
";
const ROOT: &str = "Grüße=p@ss/wörd&1's \"x\"";
const NEXT_ROOT: &str = "Äpfel&Birnen=\\2 \"mal\" 7/4%";
const APP: &str = "app+pass word#42'Ω";
const SEALED: &str = "s3aled/KEY_of.the-House";
const INCLUDED: &str = "included: {token} 99%";
const DOOR: &str = "4711";
/// Too short to be kept out of anything.
pub(super) const SHORT: &str = "0x7q";
/// Plain in the play, in loops with a label, without one, and hidden.
const PEOPLE: [&str; 2] = ["Tür-von-user1-4711", "Tor-von-user2-0815"];
const PASSWORD: &str = "of-this-vault-only";

/// All of it in a fleet's folder.
#[derive(Debug)]
pub(super) struct House {
    folder: PathBuf,
    spellings: RefCell<Vec<String>>,
}

impl House {
    pub(super) fn build(fleet: &Fleet) -> Self {
        let house = Self { folder: fleet.home.path().to_owned(), spellings: RefCell::default() };
        house.write("vault-pass", PASSWORD);
        house.write("actions/ansible.cfg", "[defaults]\nvault_password_file = ../vault-pass\n");
        house.write("host/.keep", "");
        let host = format!(
            "{{ansible_connection: local, ansible_python_interpreter: /usr/bin/python3, chiffon_root: {}}}",
            house.folder.join("host").display()
        );
        house.write("inventory/hosts.yml", &format!("all:\n  hosts:\n    box: {host}\n"));
        for (name, text) in [
            ("action.yml", include_str!("action.yml")),
            ("playbook.yml", include_str!("playbook.yml")),
            ("spell.py", include_str!("spell.py")),
            ("templates/accounts.j2", include_str!("accounts.j2")),
            ("README.md", "# Make the accounts\n"),
        ] {
            house.write(&format!("actions/make_accounts/{name}"), text);
        }
        // One by one, a folder's file as a whole, and files that the play names.
        house.write(
            "inventory/group_vars/all/one.yml",
            &format!("{}\n{}\n", house.sealed("vault_app_pw", APP), house.sealed("vault_door", DOOR)),
        );
        house.write("actions/make_accounts/sealed.yml", &format!("sealed_key: \"{SEALED}\"\nsealed_port: 80\n"));
        house.write("actions/make_accounts/included.yml", &format!("included_key: \"{INCLUDED}\"\n"));
        for name in ["sealed.yml", "included.yml"] {
            house.vault(&["encrypt", house.folder.join("actions/make_accounts").join(name).to_str().expect("UTF-8")]);
        }
        house.keep_secrets(ROOT);
        house
    }

    /// The agent, which finds the vault's password as `ansible.cfg` says.
    pub(super) fn agent(&self, fleet: &Fleet) -> Command {
        fleet.agent_command("infrastructure", &self.folder.join("actions"), &self.folder.join("inventory"))
    }

    /// The play does not fail at its end from now on.
    pub(super) fn allow_the_end(&self) {
        self.write("host/go", "");
    }

    /// Old values stand on the host, and nobody's list has them any more.
    pub(super) fn change_the_secrets(&self) {
        self.keep_secrets(NEXT_ROOT);
    }

    /// The action's default refers to another secret.
    pub(super) fn refer_to(&self, name: &str) {
        let path = self.folder.join("actions/make_accounts/action.yml");
        let before = fs::read_to_string(&path).expect("is there");
        let spec = before.lines().map(|line| match line.split_once("secret://") {
            Some((before, after)) if line.contains("root_auth") => {
                format!("{before}secret://{name}\"{}\n", after.split_once('"').expect("it ends").1)
            }
            _ => format!("{line}\n"),
        });
        fs::write(&path, spec.collect::<String>()).expect("written");
    }

    /// What stands on the host between marks now is a secret's spelling.
    pub(super) fn keep_the_spellings(&self) {
        let files = ["accounts", "without-diff", "spelled", "notes"].map(|name| fs::read_to_string(self.folder.join("host").join(name)));
        let mut kept = self.spellings.borrow_mut();
        for text in files.into_iter().flatten() {
            kept.extend(text.split('«').skip(1).map(|part| part.split('»').next().unwrap_or_default().to_owned()));
            // What stands before a secret in an encoded text is public.
            kept.extend(text.split('‹').skip(1).map(|part| part.split('›').next().unwrap_or_default().chars().skip(8).collect()));
        }
        // Of a file with four digits between known words everybody can find the digits by its hash.
        for name in ["door", "accounts"] {
            for program in ["sha1sum", "sha256sum", "md5sum"] {
                let output = Command::new(program).arg(self.folder.join("host").join(name)).output().expect("it runs");
                kept.push(String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned());
            }
        }
    }

    /// Every secret in every spelling that was kept.
    pub(super) fn spellings(&self) -> Vec<String> {
        let plain = [CERTIFICATE, ROOT, NEXT_ROOT, APP, SEALED, INCLUDED].into_iter().chain(PEOPLE).map(str::to_owned);
        let kept = self.spellings.borrow();
        assert!(kept.len() > 150, "the spellings are on the host: {kept:?}");
        plain
            .chain(kept.iter().cloned())
            .chain([format!("door=\"{DOOR}\""), format!("+{DOOR}\n"), "-hidden-by-author".to_owned()])
            .collect()
    }

    fn keep_secrets(&self, root: &str) {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let lines =
            [("db_root", root), ("certificate", CERTIFICATE), ("short", SHORT)].map(|(name, value)| format!("{name} = {}\n", text(value)));
        self.write("infrastructure/secrets.toml", &lines.concat());
        fs::set_permissions(self.folder.join("infrastructure/secrets.toml"), fs::Permissions::from_mode(0o600)).expect("set");
    }

    fn sealed(&self, name: &str, value: &str) -> String {
        self.vault(&["encrypt_string", "--name", name, value])
    }

    fn vault(&self, args: &[&str]) -> String {
        let output = Command::new("ansible-vault")
            .args(args)
            .arg("--vault-password-file")
            .arg(self.folder.join("vault-pass"))
            .output()
            .expect("it runs");
        assert!(output.status.success(), "ansible-vault {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(Path::new(name));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
}
