#!/usr/bin/python3
"""Tells how full a host's file systems are. Changes nothing."""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_root import HostRoot, RootError

DOCUMENTATION = """
module: chiffon_disks
short_description: Report file systems
description: [A folder-rooted host has one file system, the one that holds its folder.]
options:
  root: {type: str, default: "", description: The folder that is the host's root; empty for the real one.}
"""

# Kept in memory, made by the kernel, or always full by their nature.
NOT_DISKS = {"proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "overlay", "squashfs", "iso9660", "autofs",
             "mqueue", "debugfs", "tracefs", "securityfs", "pstore", "bpf", "configfs", "hugetlbfs", "nsfs", "ramfs",
             "fusectl", "binfmt_misc", "efivarfs", "rpc_pipefs", "fuse.gvfsd-fuse", "fuse.portal"}
GB = 1000 ** 3


def mounts():
    """(mount, device) of each disk once, by its shortest mount; "/" is always there."""
    found = {}
    with open("/proc/self/mounts") as table:
        for line in table:
            device, mount, kind = line.split()[:3]
            mount = mount.replace("\\040", " ")
            if (kind in NOT_DISKS and mount != "/") or not os.path.isdir(mount):
                continue
            if device not in found or len(mount) < len(found[device]):
                found[device] = mount
    return sorted(set(found.values()) | {"/"})


def usage(real, mount):
    numbers = os.statvfs(real)
    used = numbers.f_blocks - numbers.f_bfree
    usable = used + numbers.f_bavail
    if not numbers.f_blocks or not usable:
        return None
    return {
        "mount": mount,
        "size_gb": round(numbers.f_blocks * numbers.f_frsize / GB, 1),
        "free_gb": round(numbers.f_bavail * numbers.f_frsize / GB, 1),
        # As df counts it: what is kept for root is neither used nor usable.
        "used_percent": round(100.0 * used / usable, 1),
    }


def main():
    module = AnsibleModule(argument_spec={"root": {"type": "str", "default": ""}}, supports_check_mode=True)
    try:
        root = HostRoot(module.params["root"])
        places = [(root.base, "/")] if root.base else [(mount, mount) for mount in mounts()]
    except (RootError, OSError) as error:
        module.fail_json(msg=str(error))
    filesystems = []
    for real, mount in places:
        try:
            found = usage(real, mount)
        except OSError:
            continue
        if found:
            filesystems.append(found)
    worst = max(filesystems, key=lambda entry: entry["used_percent"], default=None)
    module.exit_json(changed=False, filesystems=filesystems, worst=worst)


if __name__ == "__main__":
    main()
