#!/usr/bin/python3
"""Finds the portals of a host: what people open in a browser there. Changes nothing."""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_root import HostRoot, RootError
from ansible.module_utils import listening, nginx_sites, portal_probe, portal_sources

DOCUMENTATION = """
module: chiffon_portals
short_description: Find the portals of a host
description:
  - Reads a configured list, running containers, compose files, nginx sites and listening services.
  - The same address found twice is one portal; the first source in that order names it.
options:
  root: {type: str, default: "", description: The folder that is the host's root; empty for the real one.}
  host: {type: str, required: true, description: The name under which addresses are written.}
  compose_globs: {type: list, elements: str, required: true, description: Where compose files are.}
  nginx_globs: {type: list, elements: str, required: true, description: Where nginx sites are.}
  portals_file: {type: str, required: true, description: The owner's own list.}
  listening: {type: bool, default: true, description: Whether listening services count.}
"""

URL = re.compile(r"^https?://[^\s{}\"'<>\\]+$")
NAME_LIMIT = 80
# What controls a screen, turns the direction of text or is seen by nobody stands in no name.
UNSEEN = u"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"


def same(url):
    """What two spellings of one address have in common."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    default = {"http": ":80", "https": ":443"}[scheme.lower()]
    place = place.lower()
    return scheme.lower(), place[:-len(default)] if place.endswith(default) else place, (slash + path).rstrip("/")


def clean(name):
    return re.sub(r"\s+", " ", re.sub("[{}" + UNSEEN + "]", " ", name)).strip()[:NAME_LIMIT] or "portal"


def merge(candidates):
    """One portal an address, names told apart, in order of name and address."""
    kept, seen, names = [], set(), set()
    for name, url, source in candidates:
        if not URL.match(url) or same(url) in seen:
            continue
        seen.add(same(url))
        name = clean(name)
        if name.lower() in names:
            name = "%s (%s)" % (name[:NAME_LIMIT - 40], same(url)[1][:36])
        names.add(name.lower())
        kept.append({"name": name, "url": url, "source": source})
    return sorted(kept, key=lambda portal: (portal["name"].lower(), portal["url"]))


def find(root, options, warnings):
    host = options["host"]
    candidates = portal_sources.configured(root, options["portals_file"], warnings)
    if not root.base:
        candidates += portal_sources.containers(host, warnings)
    candidates += portal_sources.compose_files(root, options["compose_globs"], host, warnings)
    candidates += nginx_sites.sites(root, options["nginx_globs"], portal_sources.MAX_FILES, portal_sources.url_of, warnings)
    if options["listening"]:
        candidates += [(name, portal_sources.url_of(host, port), "listening:%s" % process)
                       for name, port, process in listening.services(root) if port not in portal_sources.NOT_WEB]
    # Nobody can try a host that is a folder: its services are not this machine's.
    return merge(candidates) if root.base else tried(candidates, host, warnings)


def tried(candidates, host, warnings):
    """The portals, each with whether something answers; what only a file names, and nobody answers, is no portal."""
    answers = portal_probe.answering(portal_probe.port_of(url) for _, url, source in candidates if not is_the_owners(source))
    kept = []
    for name, url, source in candidates:
        if answers.get(portal_probe.port_of(url)) is False and source.startswith(("compose:", "nginx:")):
            warnings.append("nothing answers on port %d of %s, so `%s` (%s) was left out" % (portal_probe.port_of(url), host, clean(name), source))
        else:
            kept.append((name, url, source))
    return [dict(portal, answers=True) if not is_the_owners(portal["source"]) and answers.get(portal_probe.port_of(portal["url"])) else portal
            for portal in merge(kept)]


def is_the_owners(source):
    """What the owner lists may be anywhere, and is not tried."""
    return source.startswith("configured:")


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "str", "default": ""},
            "host": {"type": "str", "required": True},
            "compose_globs": {"type": "list", "elements": "str", "required": True},
            "nginx_globs": {"type": "list", "elements": "str", "required": True},
            "portals_file": {"type": "path", "required": True},
            "listening": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    found_warnings = []
    try:
        portals = find(HostRoot(module.params["root"]), module.params, found_warnings)
    except (RootError, OSError) as error:
        module.fail_json(msg="looking for portals on %s: %s" % (module.params["host"], error))
    module.exit_json(changed=False, portals=portals, count=len(portals), notes=found_warnings)


if __name__ == "__main__":
    main()
