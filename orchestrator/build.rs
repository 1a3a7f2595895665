//! Rebuilds when a migration is added or the page is built anew: the macros that embed them only see the files they have seen before.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-changed=../web/dist");
}
