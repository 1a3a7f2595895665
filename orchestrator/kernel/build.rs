//! Rebuilds when a migration is added: the macro that embeds them only sees the files it has seen before.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
