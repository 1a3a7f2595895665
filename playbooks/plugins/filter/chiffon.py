"""Filters for the actions: reading what a person or a package manager wrote, on the machine that runs Ansible."""

import re

import yaml

INSTALLED = re.compile(r"^(?:Inst|Setting up) (\S+?)(?::\w+)? (?:\[\S+\] )?\(([^ )]+)", re.M)


def compose_problem(text):
    """Why a text is no compose file, in one line; empty when it is one."""
    try:
        document = yaml.safe_load(str(text))
    except yaml.YAMLError as error:
        return "it is not YAML: %s" % " ".join(str(error).split())
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not services:
        return "it has no `services`"
    for name, service in services.items():
        if not isinstance(service, dict) or not ("image" in service or "build" in service):
            return "the service `%s` has neither `image` nor `build`" % name
    return ""


def packages_changed(text):
    """[{name, version}] that apt says it installs or installed; a preview says the same as a run."""
    found = {name: version for name, version in INSTALLED.findall(text or "")}
    return [{"name": name, "version": found[name]} for name in sorted(found)]


class FilterModule:
    def filters(self):
        return {"compose_problem": compose_problem, "packages_changed": packages_changed}
