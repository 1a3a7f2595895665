//! What is approved is what the preview showed: made with the variables as they stood, and done as it was foretold.

use std::fs;
use std::path::{Path, PathBuf};

use chiffon_e2e::{Home, write_action};
use serde_json::{Value, json};

/// An action whose dry run is whole, and an inventory with one host of this machine.
fn made(home: &Home, tasks: &str) -> (PathBuf, PathBuf) {
    let (actions, inventory) = (home.path().join("actions"), home.path().join("site/hosts"));
    write_action(&actions, "write_banner", "Write the banner", "write the banner on box", "\"yes\"", tasks);
    let spec = actions.join("write_banner/action.yml");
    let text = fs::read_to_string(&spec).expect("it reads").replace("check: none", "check: full");
    fs::write(&spec, text).expect("written");
    fs::create_dir_all(home.path().join("site/group_vars")).expect("made");
    fs::write(&inventory, "box ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n").expect("written");
    (actions, inventory)
}

fn banner(home: &Home, text: &str) {
    fs::write(home.path().join("site/group_vars/all.yml"), format!("banner_text: {text}\n")).expect("written");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn diff(request: &Value) -> &str {
    request["plan"]["steps"][0]["preview"]["changes"][0]["diff"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn variables_that_are_edited_after_the_preview_are_not_run_but_previewed_and_asked_about_again() {
    let home = Home::new();
    let motd = home.path().join("motd");
    let task = format!(
        "    - name: Write it\n      ansible.builtin.copy: {{content: \"{{{{ banner_text }}}}\\n\", dest: \"{}\"}}\n",
        motd.display()
    );
    let (actions, inventory) = made(&home, &task);
    banner(&home, "welcome");
    let _up = home.start(home.up_at(&actions, &inventory).args(["--bus", "memory"]));
    let api = home.api();
    let id = api.ask("write the banner on box").await;
    let planned = api.request_when(&id, &["awaiting_approval", "failed"]).await;
    assert!(diff(&planned).contains("+welcome"), "{planned:#}");
    banner(&home, "go-away");
    assert_eq!(api.approve(&planned).await.0, 200);
    let again = chiffon_e2e::eventually("it is planned again", || async {
        let request = api.request(&id).await;
        if request["status"] == "awaiting_approval" && request["plan"]["revision"] == 2 { Ok(request) } else { Err(request.to_string()) }
    })
    .await;
    assert!(diff(&again).contains("+go-away"), "{again:#}");
    assert_eq!(read(&motd), "", "nothing was run");
    let told = home.succeed(&["show", &id]);
    assert!(told.contains("variables of box (`banner_text`) have changed since plan 1 was made"), "{told}");
    assert_eq!(api.approve(&again).await.0, 200);
    let done = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!((&done["status"], read(&motd).as_str()), (&json!("completed"), "go-away\n"), "{done:#}");
    assert_eq!(done["tasks"].as_array().into_iter().flatten().filter(|task| task["warnings"] != json!([])).count(), 0, "{done:#}");
}

#[tokio::test]
async fn a_play_that_writes_otherwise_than_in_check_mode_is_warned_of() {
    let home = Home::new();
    let motd = home.path().join("motd");
    let content = "{{ 'kind' if ansible_check_mode else 'rude' }}";
    let task = format!("    - name: Write it\n      ansible.builtin.copy: {{content: \"{content}\\n\", dest: \"{}\"}}\n", motd.display());
    let (actions, inventory) = made(&home, &task);
    let _up = home.start(home.up_at(&actions, &inventory).args(["--bus", "memory"]));
    let api = home.api();
    let id = api.ask_and_approve("write the banner on box").await;
    api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(read(&motd), "rude\n");
    let told = home.succeed(&["show", &id]);
    let warning = format!("the run wrote something else than the preview showed: \"Write it\" on box ({})", motd.display());
    assert!(told.contains(&warning), "{told}");
}
