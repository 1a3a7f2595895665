"""The services of a compose project, which may be several files.

Owns: the `.env` beside it, override files, `COMPOSE_FILE`, `include`, `extends`, profiles, and what is scaled to nothing.
Names in `notes` each thing that it can't resolve. Refuses to read outside of the host's root and to run anything.
"""

import posixpath

from ansible.module_utils import compose_file
from ansible.module_utils.compose_file import Override, Reset

MAX_DEPTH = 10
# The first of these in a folder is its project, as `docker compose` has it.
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


def projects(paths):
    """The files that begin a project: one a folder, no override files."""
    by_folder = {}
    for path in paths:
        folder, name = posixpath.split(path)
        by_folder.setdefault(folder, set()).add(name)
    for folder in sorted(by_folder):
        names = by_folder[folder]
        usual = [name for name in NAMES if name in names]
        for name in usual[:1] + sorted(name for name in names if name not in NAMES and ".override." not in name):
            yield posixpath.join(folder, name)


def services(root, path, notes):
    """[(name, image, [TCP port of the host])]; raises ValueError where the file is no compose file."""
    folder = posixpath.dirname(path)
    variables = compose_file.environment(root.read(posixpath.join(folder, ".env")))
    listed = _project(root, files(root, path, variables), variables, notes, ())
    if not listed:
        raise ValueError("has no `services`")
    return resolved({name: service for name, (service, _) in listed.items()}, notes,
                    {name: own for name, (_, own) in listed.items()}, variables.get("COMPOSE_PROFILES"))


def resolved(listed, notes, variables=None, profiles="*"):
    """The same of services that are merged already; `profiles` are those that are on, with commas between them."""
    profiles = {name.strip() for name in (profiles or "").split(",") if name.strip()}
    found = []
    for name in sorted(listed):
        service, own = listed[name], (variables or {}).get(name, {})
        if _is_off(service, own, profiles):
            continue
        told = []
        image = compose_file.fill(str(service.get("image") or ""), own, [])
        entries = service.get("ports")
        if entries is not None and not isinstance(entries, list):
            told.append("`ports` is no list")
        ports = [port for entry in (entries if isinstance(entries, list) else []) for port in compose_file.published(entry, own, notes=told)]
        if service.get("network_mode") == "host" and not ports:
            told.append("it has the host's network, so its file does not tell its ports")
        notes.extend("the service `%s`: %s" % (name, note) for note in told)
        found.append((name, image, ports))
    return found


def _is_off(service, variables, profiles):
    wanted = service.get("profiles")
    if isinstance(wanted, list) and wanted and not ("*" in profiles or profiles & {str(name) for name in wanted}):
        return True
    deploy = service.get("deploy")
    replicas = [service.get("scale"), deploy.get("replicas") if isinstance(deploy, dict) else None]
    return any(count is not None and compose_file.fill(str(count), variables, []) == "0" for count in replicas)


def files(root, path, variables):
    """The files of the project that a file begins, in the order in which they are laid over each other."""
    folder, name = posixpath.split(path)
    if variables.get("COMPOSE_FILE"):
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
        return [_join(folder, part) for part in variables["COMPOSE_FILE"].split(separator) if part]
    stem = name.rpartition(".")[0]
    overrides = [posixpath.join(folder, "%s.override.%s" % (stem, ending)) for ending in ("yml", "yaml")]
    return [path] + [override for override in overrides if root.read(override) is not None][:1]


def _project(root, paths, variables, notes, within):
    """{name: (service, variables)} of the paths, the later ones over the earlier."""
    found, included = {}, {}
    for path in paths:
        document = _document(root, path)
        folder = posixpath.dirname(path)
        includes = document.get("include") or []
        for entry in includes if isinstance(includes, list) else [includes]:
            included.update(_included(root, folder, entry, variables, notes, within + tuple(paths)))
        listed = document.get("services") or {}
        if not isinstance(listed, dict):
            raise ValueError("has no `services`")
        for name, service in listed.items():
            service = _extended(root, path, service if isinstance(service, dict) else {}, listed, variables, notes, 0)
            name = str(name)
            found[name] = (_merged(found[name][0], service) if name in found else _settled(service), variables)
    return dict(included, **found)


def _document(root, path):
    text = root.read(path)
    if text is None:
        raise ValueError("names %s, which can't be read" % path)
    document = compose_file.load(text)
    if not isinstance(document, dict):
        raise ValueError("has no `services`")
    return document


def _included(root, folder, entry, variables, notes, within):
    entry = entry if isinstance(entry, dict) else {"path": entry}
    paths = entry.get("path") if isinstance(entry.get("path"), list) else [entry.get("path")]
    files = [_join(folder, compose_file.fill(str(path or ""), variables, notes)) for path in paths]
    if len(within) > MAX_DEPTH or set(files) & set(within):
        notes.append("`include` of %s leads back to itself" % ", ".join(files))
        return {}
    project = posixpath.dirname(files[0])
    if entry.get("project_directory"):
        project = _join(folder, compose_file.fill(str(entry["project_directory"]), variables, notes))
    env_files = entry.get("env_file") or posixpath.join(project, ".env")
    own = {}
    for env_file in env_files if isinstance(env_files, list) else [env_files]:
        own.update(compose_file.environment(root.read(_join(folder, compose_file.fill(str(env_file), variables, notes)))))
    try:
        return _project(root, files, dict(own, **variables), notes, within)
    except ValueError as error:
        notes.append("`include` of %s was passed over: it %s" % (", ".join(files), error))
        return {}


def _extended(root, path, service, siblings, variables, notes, depth):
    extends = service.get("extends")
    if not extends:
        return service
    extends = extends if isinstance(extends, dict) else {"service": extends}
    name = str(extends.get("service") or "")
    try:
        if depth > MAX_DEPTH:
            raise ValueError("leads back to itself")
        if extends.get("file"):
            path = _join(posixpath.dirname(path), compose_file.fill(str(extends["file"]), variables, notes))
            siblings = _document(root, path).get("services") or {}
        base = siblings.get(name) if isinstance(siblings, dict) else None
        if not isinstance(base, dict):
            raise ValueError("has no service `%s`" % name)
    except ValueError as error:
        notes.append("`extends` of `%s` in %s was passed over: it %s" % (name, path, error))
        return service
    base = _extended(root, path, base, siblings, variables, notes, depth + 1)
    return _merged(base, {key: value for key, value in service.items() if key != "extends"})


def _merged(base, over):
    """Lists are added to each other, mappings merged, the rest replaced."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Reset):
            merged.pop(key, None)
        elif isinstance(value, Override) or key not in merged:
            merged[key] = value
        elif isinstance(value, list) and isinstance(merged[key], list):
            merged[key] = merged[key] + [entry for entry in value if entry not in merged[key]]
        elif isinstance(value, dict) and isinstance(merged[key], dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return _settled(merged)


def _settled(service):
    return {key: value for key, value in service.items() if not isinstance(value, Reset)}


def _join(folder, path):
    return posixpath.normpath(posixpath.join(folder, path))
