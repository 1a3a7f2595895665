"""Actions that look at hosts or at their packages: discover_portals, disk_report, install_packages."""

import importlib.util
import os
import shutil
import socket
import tempfile

from folder_host import PLAYBOOKS, Host, valid_outputs
from skipping import NotRun


def _found(run):
    return {portal["url"]: (portal["name"], portal["source"]) for portal in run.outputs["portals"]}


def discover_portals_finds_the_demo_host():
    with Host() as host:
        port = host.serve("/srv/wiki")
        _, run = host.three_runs("discover_portals")
        assert run.outputs["count"] == 3 and run.warnings == [] and run.changed == 0
        assert _found(run) == {
            "http://nas:8096": ("jellyfin", "compose:/opt/jellyfin/compose.yml"),
            "https://photos.home.arpa": ("photos.home.arpa", "nginx:/etc/nginx/sites-enabled/photos.conf"),
            "http://nas:%d" % port: ("wiki", "listening:python3"),
        }
        quiet = host.run("discover_portals", listening=False).worked()
        assert quiet.outputs["count"] == 2


def discover_portals_reads_every_source_with_care():
    with Host() as host:
        host.write("/opt/shop/.env", "WEB_PORT=8200\n")
        host.write("/opt/shop/docker-compose.yml", """
services:
  web: {image: shop, ports: ["${WEB_PORT}:80", "${ADMIN:-8201}:81", "127.0.0.1:8202:82", "8203:83/udp", "8204", "5432:5432"]}
  api:
    image: api
    ports:
      - {target: 80, published: 8205}
      - {target: 81, published: "8206", protocol: udp}
""")
        host.write("/opt/kuma/compose.yml", "services: {kuma: {image: 'louislam/uptime-kuma:1', ports: ['3001:3001']}}\n")
        host.write("/srv/broken/compose.yml", "services: [unclosed\n")
        host.write("/etc/chiffon/portals.yml", "- {name: Films, url: 'http://nas:8096/'}\n- {name: Router, url: 'http://192.168.1.1'}\n- {name: bad, url: 'ftp://x'}\n")
        host.write("/etc/nginx/sites-available/git", "server { listen 8080; server_name git.home.arpa _ *.home.arpa ~^x; }\n")
        # An absolute link means the host's own /etc, never this machine's.
        host.path("/etc/nginx/sites-enabled/git").symlink_to("/etc/nginx/sites-available/git")
        _, run = host.three_runs("discover_portals", listening=False)
        assert {url: name for url, (name, _) in _found(run).items()} == {
            "http://nas:8200": "web", "http://nas:8201": "web (nas:8201)", "http://nas:8205": "api", "http://nas:8096/": "Films",
            "http://192.168.1.1": "Router", "https://photos.home.arpa": "photos.home.arpa", "http://git.home.arpa:8080": "git.home.arpa",
        }, _found(run)
        assert len(run.warnings) == 1 and "/srv/broken/compose.yml" in run.warnings[0], run.warnings


def compose_files_are_read_alike_without_pyyaml():
    spec = importlib.util.spec_from_file_location("compose_file", PLAYBOOKS / "plugins/module_utils/compose_file.py")
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    text = """# a comment
version: "3"
services:
  web:   # the page
    image: "nginx:1.27"
    environment:
      ports: "no"
    ports:
      - "8080:80"
      - 8443:443
    volumes:
    - ./x:/x
  db:
    image: postgres
    ports: ['5432:5432', "127.0.0.1:5433:5432"]
  worker:
    image: w
volumes:
  ports: {}
"""
    with_yaml = reader.services(text)
    assert with_yaml[2] == ("worker", "w", []) and with_yaml[1] == ("web", "nginx:1.27", ["8080:80", "8443:443"]), with_yaml
    reader.yaml = None
    assert reader.services(text) == with_yaml, reader.services(text)


def a_template_found_on_a_host_stays_text():
    with Host() as host:
        host.write("/opt/{{ 6 * 7 }}/compose.yml", "services: {'{{ 6 * 7 }}': {image: x, ports: ['8300:80']}}\n")
        _, run = host.three_runs("discover_portals", listening=False)
        name, source = _found(run)["http://nas:8300"]
        assert name == "6 * 7" and source == "compose:/opt/{{ 6 * 7 }}/compose.yml", (name, source)


def a_link_out_of_the_root_is_followed_inside_it():
    with Host() as host, tempfile.TemporaryDirectory() as outside:
        host.path("/opt/kuma").symlink_to(outside)
        host.run("deploy_kuma", start="never").worked()
        assert os.listdir(outside) == []
        assert host.path(outside + "/compose.yml").is_file()


def disk_report_tells_about_the_folder_only():
    # On a disk, of which more than a hundredth is used; temporary files may lie in memory.
    with Host(below="/var/tmp") as host:
        before = host.snapshot()
        preview = host.run("disk_report", check=True, warn_percent=100).worked()
        run = host.run("disk_report", warn_percent=100).worked()
        assert host.snapshot() == before and preview.changed == run.changed == 0
        for each in (preview, run):
            valid_outputs("disk_report", each.outputs)
        assert [entry["mount"] for entry in run.outputs["filesystems"]] == ["/"]
        assert run.outputs["worst"] == run.outputs["filesystems"][0]
        assert 0 < run.outputs["worst"]["used_percent"] <= 100 and run.outputs["worst"]["size_gb"] > 0
        assert run.outputs["worst"]["used_percent"] == 100 or run.warnings == []
        assert "on nas is" in host.run("disk_report", warn_percent=1).worked().warnings[0]


def install_packages_refuses_a_host_that_is_a_folder():
    with Host() as host:
        before = host.snapshot()
        host.run("install_packages", packages=["hello"]).refused("nas", str(host.root), "community.general.chroot")
        assert host.snapshot() == before


def install_packages_installs_in_a_debian_root():
    source = os.environ.get("CHIFFON_DEBOOTSTRAP_ROOT")
    if not source or not os.path.exists(os.path.join(source, "usr/bin/apt-get")):
        raise NotRun("CHIFFON_DEBOOTSTRAP_ROOT names no Debian root: debootstrap --variant=minbase --include=python3,python3-apt bookworm DIR")
    if os.geteuid() != 0:
        raise NotRun("the chroot connection needs root")
    copy = tempfile.mkdtemp(prefix="chiffon-debian-")
    try:
        root = os.path.join(copy, "root")
        shutil.copytree(source, root, symlinks=True, ignore=shutil.ignore_patterns("dev", "proc", "sys"))
        for folder in ("dev", "proc", "sys"):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        os.mknod(os.path.join(root, "dev/null"), 0o020666, os.makedev(1, 3))
        os.chmod(os.path.join(root, "dev/null"), 0o666)
        os.mknod(os.path.join(root, "dev/urandom"), 0o020666, os.makedev(1, 9))
        shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
        os.makedirs(os.path.join(root, "opt/jellyfin"))
        shutil.copy(PLAYBOOKS / "demo/root/opt/jellyfin/compose.yml", os.path.join(root, "opt/jellyfin"))
        with Host(root) as host:
            nobody = host.run("discover_portals", listening=False).worked()
            assert nobody.outputs["portals"] == [] and any("nothing answers on port 8096" in one for one in nobody.warnings), nobody.warnings
            with socket.create_server(("127.0.0.1", 8096)):
                found = host.run("discover_portals", listening=False).worked().outputs["portals"]
            expected = {"name": "jellyfin", "url": "http://nas:8096", "source": "compose:/opt/jellyfin/compose.yml", "answers": True}
            assert found == [expected], found
            host.run("deploy_kuma", portals=found, start="never").worked()
            assert os.path.exists(os.path.join(root, "opt/kuma/monitors/portal-nas-8096.json"))
            program = os.path.join(root, "usr/bin/hello")
            preview = host.run("install_packages", check=True, packages=["hello"]).worked()
            assert not os.path.exists(program) and preview.changed == 1
            applied = host.run("install_packages", packages=["hello"]).worked()
            assert os.path.exists(program) and applied.outputs == preview.outputs, (preview.outputs, applied.outputs)
            assert [entry["name"] for entry in applied.outputs["installed"]] == ["hello"]
            valid_outputs("install_packages", applied.outputs)
            again = host.run("install_packages", packages=["hello"]).worked()
            assert again.changed == 0 and again.outputs["installed"] == []
            host.run("install_packages", packages=["no-such-package-here"]).refused("no-such-package-here")
    finally:
        shutil.rmtree(copy)
