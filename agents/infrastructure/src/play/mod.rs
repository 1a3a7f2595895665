//! One run of `ansible-playbook`: started, watched, stopped and judged.

mod background;
mod command;
mod cure;
mod cut;
mod diff;
mod dry_run;
mod events;
mod granted;
mod host_processes;
mod hosts;
mod lines;
mod long_results;
mod moments;
mod not_shown;
mod outcome;
mod outputs;
mod preview;
mod progress;
mod result_text;
mod results;
mod run;
mod seen;
mod stop;
mod usage;
mod variables;
mod written;

pub(super) use diff::of_result as diff_of_result;
pub(super) use events::Observer;
pub(super) use host_processes::{PATIENCE as HOSTS_PATIENCE, Reach, end as end_on_hosts};
pub(super) use lines::Line;
pub(super) use run::{Play, run};
pub(super) use variables::Binding;
