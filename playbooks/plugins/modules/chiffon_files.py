#!/usr/bin/python3
"""Makes a set of files what they should be, in one task, with a diff for each; a preview shows them all."""

import secrets

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_root import HostRoot, RootError, difference

DOCUMENTATION = """
module: chiffon_files
short_description: Write and remove a set of files
description:
  - Folders above a file are made. A file is replaced in one step. Paths never leave the root.
  - Unlike copy and template, a preview also shows files whose folder isn't there yet.
options:
  root: {type: str, default: "", description: The folder that is the host's root; empty for the real one.}
  files: {type: list, elements: dict, default: [], description: "path, content, mode (octal text)."}
  secret_files:
    type: list
    elements: dict
    default: []
    description: >-
      Written once and then left alone. Each @secret@ in the content becomes a random text made on the host; neither
      the text nor a diff leaves it.
  absent: {type: list, elements: str, default: [], description: Files to remove; the pattern characters * and ? may be used in the last part.}
  absent_trees: {type: list, elements: str, default: [], description: Folders to remove with all that is in them.}
  watch: {type: list, elements: str, default: [], description: Paths of which `kept` tells those that are still there at the end.}
  ours: {type: list, elements: str, default: [], description: "Files that, where they are there, must have been written by Chiffon; else nothing is touched."}
  host: {type: str, required: true, description: The host's name, for messages.}
"""

FILE = {"path": {"type": "str", "required": True}, "content": {"type": "str", "required": True, "no_log": False},
        "mode": {"type": "str", "default": "0644"}}


class Files:
    def __init__(self, module):
        self.module, self.root = module, HostRoot(module.params["root"])
        self.diffs, self.created, self.changed, self.removed = [], [], [], []

    def write(self, entry):
        path, mode = entry["path"], int(entry["mode"], 8)
        before, after = self.root.read(path), entry["content"]
        if before == after and self.root.mode(path) == mode:
            return
        (self.changed if before is not None else self.created).append(path)
        self.diffs.append(difference(path, before, after))
        if before == after:
            self.diffs[-1].update(before="mode %04o\n" % self.root.mode(path), after="mode %04o\n" % mode)
        if not self.module.check_mode:
            self.root.write(path, after, mode)

    def write_secret(self, entry):
        path, mode = entry["path"], int(entry["mode"], 8)
        if self.root.mode(path) is not None:
            return
        self.created.append(path)
        self.diffs.append(difference(path, None, "(made on the host, readable by its owner only, shown nowhere)\n"))
        if not self.module.check_mode:
            self.root.write(path, entry["content"].replace("@secret@", secrets.token_urlsafe(24)), mode)

    def remove_tree(self, path):
        if self.root.mode(path) is None:
            return
        self.removed.append(path)
        self.diffs.append(difference(path, "(the folder and all that is in it)\n", None))
        if not self.module.check_mode:
            self.root.remove_tree(path)

    def kept(self):
        gone = self.module.params["absent_trees"]
        return [path for path in self.module.params["watch"]
                if self.root.mode(path) is not None and not any(path.startswith(tree + "/") for tree in gone)]

    def remove(self, pattern):
        for path in self.root.matches([pattern], 1000):
            before = self.root.read(path)
            self.removed.append(path)
            self.diffs.append(difference(path, before, None))
            if not self.module.check_mode:
                self.root.remove(path)


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "str", "default": ""},
            "host": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "dict", "options": FILE, "default": []},
            "secret_files": {"type": "list", "no_log": False, "elements": "dict", "options": FILE, "default": []},
            "absent": {"type": "list", "elements": "str", "default": []},
            "absent_trees": {"type": "list", "elements": "str", "default": []},
            "watch": {"type": "list", "elements": "str", "default": []},
            "ours": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        files = Files(module)
        # Every refusal comes before the first change.
        for path in module.params["ours"]:
            files.root.refuse_foreign(path)
        for entry in module.params["secret_files"]:
            files.write_secret(entry)
        for entry in module.params["files"]:
            files.write(entry)
        for pattern in module.params["absent"]:
            files.remove(pattern)
        for path in module.params["absent_trees"]:
            files.remove_tree(path)
    except (RootError, OSError) as error:
        module.fail_json(msg="on %s: %s" % (module.params["host"], error))
    result = {"changed": bool(files.diffs), "created": files.created, "replaced": files.changed, "removed": files.removed,
              "kept": files.kept()}
    if module._diff:
        result["diff"] = files.diffs
    module.exit_json(**result)


if __name__ == "__main__":
    main()
