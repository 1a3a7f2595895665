//! Actions written for one test.

use std::fs;
use std::path::Path;

/// Writes an action that takes a `host`, with these play tasks (YAML, indented by four) and this `repeatable`.
pub fn write_action(folder: &Path, name: &str, title: &str, example: &str, repeatable: &str, tasks: &str) {
    let action = folder.join(name);
    fs::create_dir_all(&action).expect("the folder can be made");
    let spec = format!(
        "name: {name}\ntitle: {title}\ndescription: {title}, for a test.\nexamples: [\"{example}\"]\nagent_type: infrastructure\n\
         target: {{parameter: host}}\nparameters:\n  type: object\n  required: [host]\n  properties:\n    host: {{type: string, format: inventory-host}}\n\
         outputs: {{properties: {{}}}}\nrisk: low\nrepeatable: {repeatable}\ncheck: none\ntimeout_seconds: 120\nirreversible: it is a test\n"
    );
    fs::write(action.join("action.yml"), spec).expect("written");
    let play = format!("- name: {title}\n  hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(action.join("playbook.yml"), play).expect("written");
    fs::write(action.join("README.md"), format!("# {title}\n")).expect("written");
}
