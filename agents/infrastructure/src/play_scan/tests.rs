//! What is found in plays, and what is fine.

use super::*;
use std::collections::BTreeSet;

fn found_in(files: &[(&str, &str)]) -> Vec<String> {
    found_at("low", files)
}

fn found_at(risk: &str, files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = "name: one\ntitle: one\ndescription: For a test.\nexamples: [one]\nagent_type: infrastructure\ntarget: {parameter: host}\n\
                parameters: {type: object, required: [host], properties: {host: {}}}\nrisk: RISK\ncheck: full\ntimeout_seconds: 60\n";
    let spec = spec.replace("RISK", risk);
    for (path, text) in files.iter().chain([&("one/action.yml", spec.as_str())]) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    let covered = Covered::read(folder.path(), "one").expect("reads");
    let spec = ActionSpec::from_yaml(&spec).expect("is a spec");
    scan(&covered, &spec).iter().map(ToString::to_string).collect()
}

#[test]
fn what_runs_for_real_in_a_preview_is_found_wherever_and_however_it_is_written() {
    for value in ["false", "no", "off", "\"no\"", "'False'", "\"{{ false }}\"", "\"{{ not ansible_check_mode }}\"", "0", "!unsafe no"] {
        let tasks = format!("- name: It\n  command: id\n  check_mode: {value}\n");
        let found = found_in(&[("one/tasks/more.yml", &tasks)]);
        assert!(found.len() == 1 && found[0].starts_with("one/tasks/more.yml:3: `check_mode: "), "{value}: {found:?}");
    }
    for tasks in [
        "- block:\n    - command: id\n  check_mode: no\n",
        "- hosts: all\n  check_mode: no\n  tasks: []\n",
        "- hosts: all\n  roles:\n    - {role: web, check_mode: no}\n",
        "- include_tasks: {file: x.yml, apply: {check_mode: no}}\n",
        "- {name: it, command: id, \"check_mode\": no}\n",
        "- command: id\n  loop: [false]\n  loop_control: {loop_var: ansible_check_mode}\n",
        "- hosts: all\n  tasks: [{community.general.irc: {msg: x}}]\n",
        "- block: [{irc: {msg: x}}]\n",
    ] {
        assert_eq!(found_in(&[("one/playbook.yml", tasks)]).len(), 1, "{tasks}");
    }
    for fine in ["- irc: {msg: x}\n  when: not ansible_check_mode\n", "- hosts: all\n  vars: {irc: {server: x}}\n"] {
        assert!(found_in(&[("one/playbook.yml", fine)]).is_empty(), "{fine}");
    }
    let fine = "- stat: {path: /x}\n  check_mode: false\n- command: id\n  check_mode: true\n# check_mode: false\n";
    assert!(found_in(&[("one/playbook.yml", fine)]).is_empty());
    for (line, keyword) in [(3, "  check_mode: false"), (3, "  check_mode: n"), (3, "  gather_facts: false\n  check_mode: no")] {
        let play = format!("- name: p\n  hosts: all\n{keyword}\n  tasks: [{{copy: {{dest: /x, content: x}}}}]\n");
        let found = found_in(&[("one/playbook.yml", &play)]);
        let line = line + keyword.lines().count() - 1;
        assert!(found.len() == 1 && found[0].starts_with(&format!("one/playbook.yml:{line}: `check_mode")), "{keyword}: {found:?}");
    }
    let lookup = "- debug:\n    msg: \"{{ lookup('pipe', 'touch /x') }}\"\n";
    assert!(found_in(&[("one/playbook.yml", lookup)])[0].starts_with("one/playbook.yml:2: the lookup `pipe`"));
    for path in ["group_vars/all.yml", "host_vars/nas/x.yml", "one/group_vars/all.yml", "roles/web/defaults/main.yml"] {
        let files =
            [(path, "x: \"{{ q('ansible.builtin.lines', 'touch /x') }}\"\n"), ("one/playbook.yml", "- hosts: all\n  roles: [web]\n")];
        assert_eq!(found_in(&files).len(), 1, "{path}");
    }
}

#[test]
fn a_module_that_changes_something_is_found_where_an_action_says_that_it_only_reads() {
    for (line, play) in [
        (4, "- hosts: all\n  tasks:\n    - name: copy it\n      copy: {content: x, dest: /x}\n"),
        (2, "- name: file\n  ansible.builtin.file: {path: /x, state: absent}\n"),
        (1, "- block: [{systemd: {name: x, state: started}}]\n"),
        (3, "- hosts: all\n  handlers:\n    - {name: h, community.general.ufw: {state: enabled}}\n"),
        (1, "- action: user name=x\n"),
        (1, "- action: {module: apt, name: x}\n"),
        (1, "- template: {src: x.j2, dest: /x}\n  check_mode: \"{{ ansible_check_mode }}\"\n"),
    ] {
        let found = found_at("read_only", &[("one/playbook.yml", play)]);
        let place = format!("one/playbook.yml:{line}: `");
        assert!(found.len() == 1 && found[0].starts_with(&place) && found[0].contains("risk: read_only"), "{play}: {found:?}");
        assert_eq!(found_in(&[("one/playbook.yml", play)]), Vec::<String>::new(), "{play}");
    }
    let in_role = [("roles/web/tasks/main.yml", "- apt: {name: x}\n"), ("one/playbook.yml", "- hosts: all\n  roles: [web]\n")];
    assert!(found_at("read_only", &in_role)[0].starts_with("roles/web/tasks/main.yml:1: `apt`"));
    for fine in [
        "- copy: {content: x, dest: /x}\n  check_mode: true\n",
        "- hosts: all\n  check_mode: yes\n  tasks: [{block: [{copy: {content: x, dest: /x}}]}]\n",
        "- hosts: all\n  user: root\n  tasks: [{stat: {path: /x}}, {debug: {msg: x}, vars: {file: x, copy: y}}]\n",
        "- command: id\n  changed_when: false\n",
        "- own.lens.copy: {of: x}\n",
    ] {
        assert_eq!(found_at("read_only", &[("one/playbook.yml", fine)]), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn a_host_that_the_grant_does_not_name_is_found_in_every_form_of_delegation() {
    for tasks in [
        "- command: id\n  delegate_to: lb\n",
        "- command: id\n  delegate_to: \"{{ groups['lb'][0] }}\"\n  run_once: true\n",
        "- block: [{command: id}]\n  delegate_to: localhost\n",
        "- local_action: command id\n",
        "- hosts: all\n  connection: local\n",
        "- command: id\n  connection: ansible.builtin.local\n",
        "- command: id\n  vars: {ansible_host: lb}\n",
    ] {
        assert_eq!(found_in(&[("one/playbook.yml", tasks)]).len(), 1, "{tasks}");
    }
    let own = "- command: id\n  delegate_to: \"{{ inventory_hostname }}\"\n- command: id\n  delegate_to: \"{{ host }}\"\n";
    assert!(found_in(&[("one/playbook.yml", own)]).is_empty());
}

#[test]
fn what_is_read_from_where_no_approval_reaches_is_named() {
    for file in ["/srv/tasks.yml", "~/tasks.yml", "../other/tasks.yml"] {
        for task in ["include_tasks: FILE", "ansible.builtin.import_tasks: {file: FILE}", "vars_files: [FILE]", "roles: [{role: FILE}]"] {
            let tasks = format!("- {}\n", task.replace("FILE", &format!("\"{file}\"")));
            let found = found_in(&[("one/playbook.yml", &tasks), ("other/action.yml", ""), ("other/tasks.yml", "[]")]);
            assert!(found.len() == 1 && found[0].starts_with(&format!("one/playbook.yml:1: `{file}`")), "{tasks}: {found:?}");
        }
    }
    let shared = [("one/playbook.yml", "- include_tasks: ../shared/tasks.yml\n"), ("shared/tasks.yml", "[]")];
    assert!(found_in(&shared).is_empty());
    assert_eq!(found_in(&[("one/more.txt", "- command: id\n  check_mode: no\n")]).len(), 1);
}

#[test]
fn roles_that_the_action_names_count_and_others_do_not() {
    let delegates = "- command: id\n  delegate_to: lb\n";
    let files = [("roles/web/tasks/main.yml", delegates), ("roles/other/tasks/main.yml", delegates)];
    let play = ("one/playbook.yml", "- hosts: all\n  roles: [web]\n");
    let in_collection = "collections/ansible_collections/own/web/roles/site/tasks/main.yml";
    let found = found_in(&[(in_collection, delegates), ("one/playbook.yml", "- hosts: all\n  roles: [own.web.site]\n")]);
    assert!(found.len() == 1 && found[0].starts_with(&format!("{in_collection}:2")), "{found:?}");
    let found: BTreeSet<String> = found_in(&[files[0], files[1], play]).into_iter().collect();
    assert!(found.len() == 1 && found.iter().all(|text| text.starts_with("roles/web/tasks/main.yml:2")), "{found:?}");
}

#[test]
fn a_program_or_a_root_that_a_play_sets_is_refused_where_no_approval_binds_it() {
    let play = |vars: &str| format!("- name: p\n  hosts: all\n  vars: {{{vars}}}\n  tasks: [{{debug: {{msg: x}}}}]\n");
    for bad in [
        "ansible_python_interpreter: /tmp/x.sh",
        "ansible_shell_executable: \"{{ other }}\"",
        "ansible_python_interpreter: /usr/../tmp/x",
        "chiffon_root: /srv/other",
    ] {
        let found = found_in(&[("one/playbook.yml", &play(bad))]);
        assert!(found.len() == 1 && found[0].starts_with("one/playbook.yml:3:"), "{bad}: {found:?}");
    }
    for good in
        ["ansible_python_interpreter: /usr/bin/python3", "ansible_python_interpreter: auto_silent", "ansible_shell_executable: /bin/bash"]
    {
        assert_eq!(found_in(&[("one/playbook.yml", &play(good))]), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn what_is_refused_before_a_run_is_held_back_in_it() {
    let callback = include_str!("../play/chiffon_granted.py");
    for name in LEADING.iter().chain(&PROGRAMS) {
        assert!(callback.contains(&format!("\"{name}\"")), "the callback does not know {name}");
    }
}
