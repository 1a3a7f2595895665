#!/usr/bin/python3
"""Writes AutoKuma's static monitors, one file a portal, beside a Kuma. Files that others put there are left alone."""

import hashlib
import json
import re
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_root import HostRoot, RootError, difference

DOCUMENTATION = """
module: kuma_monitors
short_description: Write AutoKuma monitors for portals
description:
  - The address is a monitor's identity, so a renamed portal changes its file and a second one isn't made.
  - An address that somebody else's monitor file already watches is not added again. Nothing is removed.
options:
  root: {type: str, default: "", description: The folder that is the host's root; empty for the real one.}
  host: {type: str, required: true, description: The host's name, for messages.}
  folder: {type: str, required: true, description: AutoKuma's folder of static monitors.}
  portals: {type: list, elements: dict, required: true, description: "url, and optionally name and source."}
  interval_seconds: {type: int, default: 60, description: How often Kuma asks.}
  require: {type: str, default: "", description: A file without which there is no Kuma here.}
"""

OURS = "portal-"
# What controls a screen, turns the direction of text or is seen by nobody stands in no name.
UNSEEN = u"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
# AutoKuma expands templates in monitors; a portal's text must never be one.
TEXT = re.compile("^[^{}" + UNSEEN + "]{1,80}$")
URL = re.compile(r"^https?://[^\s{}]{1,2000}$")


def file_name(url):
    """`http://nas:8096` is portal-nas-8096.json."""
    scheme, _, rest = url.partition("://")
    slug = re.sub(r"[^a-z0-9._]+", "-", rest.lower()).strip("-.")
    slug = "https-" + slug if scheme == "https" else slug
    exact = re.fullmatch(r"[a-z0-9.-]+(:\d+)?/?", rest) is not None
    if not exact or len(slug) > 100:
        slug = "%s-%s" % (slug[:80], hashlib.sha256(url.encode()).hexdigest()[:8])
    return "%s%s.json" % (OURS, slug)


def monitor(portal, interval):
    url = portal["url"]
    name = portal.get("name") or urlsplit(url).netloc
    if not URL.match(url):
        raise RootError("%r is not an http or https address" % url)
    if not TEXT.match(name):
        raise RootError("the name of %s must be 1 to 80 characters without braces, control characters "
                        "and what turns the direction of text" % url)
    return {"name": name, "type": "http", "url": url, "interval": interval, "max_retries": 2}


def addresses_of_others(root, folder):
    """(addresses, monitors) that files of other people already define."""
    addresses, total = set(), 0
    for path in root.matches([folder + "/*.json", folder + "/*.toml", folder + "/*/*.json", folder + "/*/*.toml"], 2000):
        if path.rsplit("/", 1)[1].startswith(OURS):
            continue
        text = root.read(path) or ""
        try:
            listed = json.loads(text) if path.endswith(".json") else [{"url": re.search(r"^\s*url\s*=\s*[\"'](.*?)[\"']", text, re.M)}]
        except ValueError:
            continue
        listed = listed if isinstance(listed, list) else [listed]
        total += len(listed)
        for entry in listed:
            url = entry.get("url") if isinstance(entry, dict) else None
            addresses.add(url.group(1) if isinstance(url, re.Match) else url)
    return {url.rstrip("/") for url in addresses if isinstance(url, str)}, total


def apply(module, root):
    folder, host = module.params["folder"], module.params["host"]
    needed = module.params["require"]
    if needed and root.mode(needed) is None:
        raise RootError("there is no Uptime Kuma (%s is missing); deploy it first: \"deploy kuma to %s\"" % (needed, host))
    others, total = addresses_of_others(root, folder)
    wanted = {}
    for portal in module.params["portals"]:
        made = monitor(portal, module.params["interval_seconds"])
        if made["url"].rstrip("/") not in others:
            wanted.setdefault("%s/%s" % (folder, file_name(made["url"].rstrip("/"))), made)
    present = set(root.matches([folder + "/" + OURS + "*.json"], 5000))
    added, diffs = 0, []
    for path in sorted(wanted):
        before, after = root.read(path), json.dumps(wanted[path], indent=2, ensure_ascii=False) + "\n"
        if before == after:
            continue
        added += path not in present
        diffs.append(difference(path, before, after))
        if not module.check_mode:
            root.write(path, after, 0o644)
    return diffs, added, total + len(present | set(wanted))


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "str", "default": ""},
            "host": {"type": "str", "required": True},
            "folder": {"type": "str", "required": True},
            "portals": {"type": "list", "elements": "dict", "required": True},
            "interval_seconds": {"type": "int", "default": 60},
            "require": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        diffs, added, monitors = apply(module, HostRoot(module.params["root"]))
    except (RootError, OSError, KeyError) as error:
        module.fail_json(msg="on %s: %s" % (module.params["host"], error))
    result = {"changed": bool(diffs), "added": added, "monitors": monitors}
    if module._diff:
        result["diff"] = diffs
    module.exit_json(**result)


if __name__ == "__main__":
    main()
