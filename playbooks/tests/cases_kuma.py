"""Kuma's life: deploy_kuma, add_portals, remove_kuma."""

import stat

from folder_host import Host

_PORTALS = [{"name": "jellyfin", "url": "http://nas:8096", "source": "compose:/opt/jellyfin/compose.yml"},
            {"name": "photos", "url": "https://photos.home.arpa/albums?all=1"}, {"url": "http://nas:8095"}]


def _monitors(host):
    return {path.name: host.json("/opt/kuma/monitors/" + path.name)["url"] for path in host.path("/opt/kuma/monitors").iterdir()}


def deploy_kuma_previews_what_it_then_does():
    with Host() as host:
        preview, run = host.three_runs("deploy_kuma", portals=_PORTALS)
        assert run.outputs == {"url": "http://nas:3001", "started": False, "monitors": 3}
        for expected in ("louislam/uptime-kuma:1", "3001:3001", "uptime-kuma-v1-latest", "http://nas:8096", '"name": "nas:8095"'):
            assert expected in preview.diff, "%s is not in the preview:\n%s" % (expected, preview.diff)
        assert "no container engine" in preview.warnings[0] and "/opt/kuma/autokuma.env" in preview.warnings[1], preview.warnings
        assert preview.warnings == run.warnings
        monitors = _monitors(host)
        assert monitors["portal-nas-8096.json"] == "http://nas:8096" and len(monitors) == 3
        assert host.json("/opt/kuma/monitors/portal-nas-8096.json")["type"] == "http"


def the_password_is_made_once_and_shown_nowhere():
    with Host() as host:
        run = host.run("deploy_kuma").worked()
        path = host.path("/opt/kuma/autokuma.env")
        text = path.read_text()
        password = text.split("AUTOKUMA__KUMA__PASSWORD=")[1].strip()
        assert len(password) >= 32 and "@" not in password
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        again = host.run("deploy_kuma", port=3002).worked()
        assert path.read_text() == text
        assert password not in run.out + run.err + again.out + again.err


def another_port_keeps_the_monitors():
    with Host() as host:
        host.run("deploy_kuma", portals=_PORTALS).worked()
        preview, run = host.three_runs("deploy_kuma", port=3002, version="2.0.1")
        assert run.outputs == {"url": "http://nas:3002", "started": False, "monitors": 3}
        assert run.changed == 1 and "autokuma:latest" in preview.diff and "3002:3001" in host.path("/opt/kuma/compose.yml").read_text()
        assert len(_monitors(host)) == 3


def monitors_of_others_are_left_alone():
    with Host() as host:
        mine = '{"name": "films", "type": "http", "url": "http://nas:8096/"}'
        host.write("/opt/kuma/monitors/films.json", mine)
        host.write("/opt/kuma/monitors/dns.toml", 'name = "dns"\ntype = "dns"\n')
        _, run = host.three_runs("deploy_kuma", portals=_PORTALS)
        assert run.outputs["monitors"] == 4, run.outputs
        assert host.path("/opt/kuma/monitors/films.json").read_text() == mine
        assert not host.path("/opt/kuma/monitors/portal-nas-8096.json").exists()


def a_kuma_that_someone_else_made_is_left_alone():
    with Host() as host:
        host.write("/opt/kuma/compose.yml", "services: {kuma: {image: mine}}\n")
        before = host.snapshot()
        for action in ("deploy_kuma", "remove_kuma"):
            host.run(action).refused("nas", "/opt/kuma/compose.yml", "not written by Chiffon")
        assert host.snapshot() == before


def start_says_what_to_do_without_an_engine():
    with Host() as host:
        host.run("deploy_kuma", start="always").refused("nas", "no container engine", "install docker.io")
        run = host.run("deploy_kuma", start="never").worked()
        assert run.warnings == [] and run.outputs["started"] is False
        host.write("/usr/bin/docker", "")
        assert "can't be started from outside" in host.run("deploy_kuma").worked().warnings[0]


def a_monitor_is_never_a_template():
    with Host() as host:
        host.run("deploy_kuma", portals=[{"name": "{{ get_env(name='HOME') }}", "url": "http://nas"}]).refused("http://nas", "braces")
        host.run("deploy_kuma", portals=[{"name": u"gnp\u202e.exe", "url": "http://nas"}]).refused("http://nas", "direction")
        host.run("deploy_kuma", portals=[{"name": "x", "url": "file:///etc/passwd"}]).refused("file:///etc/passwd")
        assert not host.path("/opt/kuma/monitors").exists()


def add_portals_needs_a_kuma():
    with Host() as host:
        host.run("add_portals", portals=_PORTALS).refused("nas", "no Uptime Kuma", "deploy kuma to nas")
        host.run("add_portals", check=True, portals=_PORTALS).refused("no Uptime Kuma")


def add_portals_adds_only_what_is_new():
    with Host() as host:
        host.run("deploy_kuma", portals=_PORTALS[:1]).worked()
        before = host.snapshot()
        preview = host.run("add_portals", check=True, portals=_PORTALS).worked()
        assert host.snapshot() == before
        run = host.run("add_portals", portals=_PORTALS).worked()
        assert run.outputs == preview.outputs == {"added": 2, "monitors": 3} and run.diff == preview.diff
        again = host.run("add_portals", portals=_PORTALS).worked()
        assert again.changed == 0 and again.outputs == {"added": 0, "monitors": 3}
        renamed = host.run("add_portals", portals=[{"name": "Films", "url": "http://nas:8096/"}]).worked()
        assert renamed.outputs == {"added": 0, "monitors": 3} and host.json("/opt/kuma/monitors/portal-nas-8096.json")["name"] == "Films"


def remove_kuma_keeps_the_data():
    with Host() as host:
        host.run("deploy_kuma", portals=_PORTALS).worked()
        host.write("/opt/kuma/data/kuma.db", "history")
        host.write("/opt/kuma/monitors/theirs.json", "{}")
        before = host.snapshot()
        preview = host.run("remove_kuma", check=True).worked()
        assert host.snapshot() == before and "/opt/kuma/compose.yml (removed)" in preview.diff
        run = host.run("remove_kuma").worked()
        assert run.outputs == preview.outputs == {"removed": True, "data_kept": True} and run.diff == preview.diff
        assert sorted(path.name for path in host.path("/opt/kuma").rglob("*") if path.is_file()) == ["autokuma.env", "kuma.db", "theirs.json"]
        again = host.run("remove_kuma").worked()
        assert again.changed == 0 and again.outputs == {"removed": False, "data_kept": True} and "no Kuma on nas" in again.warnings[-1]


def remove_kuma_purges_when_asked():
    with Host() as host:
        before = host.snapshot()
        host.run("deploy_kuma", portals=_PORTALS).worked()
        host.write("/opt/kuma/data/kuma.db", "history")
        preview = host.run("remove_kuma", check=True, purge_data=True).worked()
        assert host.path("/opt/kuma/data/kuma.db").exists()
        run = host.run("remove_kuma", purge_data=True).worked()
        assert run.outputs == preview.outputs == {"removed": True, "data_kept": False}
        assert host.snapshot() == before
        assert host.run("remove_kuma", purge_data=True).worked().changed == 0
