"""The format: lint, schema, and that an action.yml and its playbook say the same."""

import json
import os
import re
import subprocess
import tempfile

import yaml

from folder_host import PLAYBOOKS, specification
from skipping import NotRun

_ACTIONS = sorted(path.parent.name for path in PLAYBOOKS.glob("*/action.yml"))
_NAMED = ["add_portals", "deploy_compose_app", "deploy_kuma", "discover_portals", "disk_report", "install_packages", "remove_kuma"]


def _validator():
    try:
        import jsonschema
    except ImportError:
        raise NotRun("Python's jsonschema is missing: apt install python3-jsonschema")
    schema = json.loads((PLAYBOOKS / "action.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _raw(action):
    return yaml.safe_load((PLAYBOOKS / action / "action.yml").read_text())


def the_catalogue_has_every_action():
    assert _ACTIONS == _NAMED, _ACTIONS


def every_action_matches_the_schema():
    validator = _validator()
    for action in _ACTIONS:
        problems = ["%s: %s" % (problem.json_path, problem.message) for problem in validator.iter_errors(_raw(action))]
        assert not problems, "%s: %s" % (action, problems)
        assert _raw(action)["name"] == action
        assert (PLAYBOOKS / action / "README.md").read_text().startswith("# "), "%s has no README.md" % action


def the_schema_refuses_what_is_wrong():
    validator = _validator()
    good = _raw("deploy_kuma")
    assert validator.is_valid(good)
    wrong = [dict(good, colour="red"), dict(good, risk="huge"), dict(good, repeatable=True), dict(good, timeout_seconds=0),
             dict(good, irreversible="both"), dict(good, name="Deploy Kuma"), dict(good, examples=[]), dict(good, records={"../x.yml": 1}),
             dict(good, risk="read_only"), {key: value for key, value in good.items() if key != "parameters"},
             dict(good, parameters={"type": "object", "properties": {"host": {"typ": "string"}}}),
             dict(_raw("remove_kuma"), irreversible=None)]
    for spec in wrong:
        assert not validator.is_valid(spec), "accepted: %s" % spec


def every_action_refers_to_what_exists():
    for action in _ACTIONS:
        spec = specification(action)
        names = spec["parameters"]["properties"]
        assert spec["target"]["parameter"] in names
        assert set(spec["parameters"]["required"]) <= set(names)
        assert set(spec["outputs"].get("required", [])) <= set(spec["outputs"]["properties"])
        if "undo" in spec:
            undone_by = specification(spec["undo"]["action"])["parameters"]
            assert set(undone_by["required"]) <= set(spec["undo"]["with"]) <= set(undone_by["properties"])


def every_default_is_the_same_in_the_playbook():
    for action in _ACTIONS:
        play = yaml.safe_load((PLAYBOOKS / action / "playbook.yml").read_text())[0]
        text = "".join(path.read_text() for path in (PLAYBOOKS / action).rglob("*") if path.is_file() and path.name != "action.yml")
        for name, schema in specification(action)["parameters"]["properties"].items():
            assert name in text, "%s never uses the parameter %s" % (action, name)
            if "default" in schema:
                assert play["vars"][name] == schema["default"], "%s: %s" % (action, name)


def no_portal_is_called_what_nobody_sees():
    import jsonschema
    schema = specification("deploy_kuma")["parameters"]["properties"]["portals"]["items"]
    validator = jsonschema.Draft202012Validator(schema)
    for name in ["Jellyfin", u"Wiki \u8a2d\u5b9a", u"\U0001f469\u200d\U0001f4bb"]:
        assert validator.is_valid({"name": name, "url": "http://nas"}), name
    for letter in u"{}\n\u00ad\u061c\u200b\u200f\u202a\u202e\u2066\u2069\ufeff\u0085":
        assert not validator.is_valid({"name": "x" + letter + "y", "url": "http://nas"}), ascii(letter)
    plugins = PLAYBOOKS / "plugins/modules"
    for module in ["kuma_monitors.py", "chiffon_portals.py"]:
        text = (plugins / module).read_text()
        unseen = eval(re.search(r"^UNSEEN = (u?\".*\")$", text, re.M).group(1))
        assert re.match("^[%s]$" % unseen, u"\u202e") and not re.match("^[%s]$" % unseen, u"\u200d"), module


def no_task_changes_hosts_in_a_preview():
    for action in _ACTIONS:
        for play in yaml.safe_load((PLAYBOOKS / action / "playbook.yml").read_text()):
            for task in play["tasks"]:
                assert "check_mode" not in task and "ansible.builtin.command" not in task and "ansible.builtin.shell" not in task, task["name"]


def ansible_lint_is_content():
    with tempfile.TemporaryDirectory(prefix="chiffon-lint-") as home:
        environment = dict(os.environ, HOME=home, XDG_CACHE_HOME=home, ANSIBLE_CONFIG=str(PLAYBOOKS / "ansible.cfg"), PYTHONDONTWRITEBYTECODE="1")
        command = ["ansible-lint", "--offline", "--nocolor", "-c", ".ansible-lint"] + ["%s/playbook.yml" % action for action in _ACTIONS]
        try:
            answer = subprocess.run(command, cwd=PLAYBOOKS, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        except FileNotFoundError:
            raise NotRun("ansible-lint is missing: apt install ansible-lint")
    assert answer.returncode == 0, answer.stdout + answer.stderr
