"""deploy_compose_app."""

import subprocess

import yaml

from folder_host import Host
from private_docker import IMAGE, Docker

_COMPOSE = """services:
  web:
    image: nginx:1.27
    ports: ["8081:80", "127.0.0.1:9000:9000"]
    labels: {format: "{{.Names}} {% raw"}
"""


def deploy_compose_app_writes_a_given_file():
    with Host() as host:
        preview, run = host.three_runs("deploy_compose_app", name="shop", compose=_COMPOSE)
        assert run.outputs == {"urls": ["http://nas:8081"], "started": False} and "no container engine" in run.warnings[0]
        text = host.path("/opt/shop/compose.yml").read_text()
        assert text.startswith("# Written by Chiffon") and text.endswith(_COMPOSE) and text in preview.diff


def deploy_compose_app_makes_a_file_from_an_image():
    with Host() as host:
        _, run = host.three_runs("deploy_compose_app", name="whoami", image="traefik/whoami:v1.10", ports=["8081:80", "9000", "5353:53/udp"], start="never")
        assert run.outputs == {"urls": ["http://nas:8081", "http://nas:9000"], "started": False} and run.warnings == []
        assert yaml.safe_load(host.path("/opt/whoami/compose.yml").read_text()) == {"services": {"whoami": {
            "image": "traefik/whoami:v1.10", "restart": "unless-stopped", "ports": ["8081:80", "9000:9000", "5353:53/udp"]}}}


def deploy_compose_app_refuses_what_is_no_compose_file():
    with Host() as host:
        before = host.snapshot()
        for text, word in (("services: [", "not YAML"), ("version: '3'\n", "no `services`"), ("services: {a: {ports: []}}", "neither `image` nor `build`")):
            host.run("deploy_compose_app", name="shop", compose=text).refused("shop", word)
            host.run("deploy_compose_app", check=True, name="shop", compose=text).refused(word)
        host.run("deploy_compose_app", name="jellyfin", image="nginx").refused("/opt/jellyfin/compose.yml", "not written by Chiffon")
        assert host.snapshot() == before


def apps_run_on_a_real_engine():
    with Docker() as engine, Host(engine=engine) as host:
        app = {"name": "shop", "image": IMAGE, "ports": ["8081:80"]}
        preview, run = host.three_runs("deploy_compose_app", **app)
        assert run.outputs == {"urls": ["http://nas:8081"], "started": True} and run.warnings == [] and preview.changed == run.changed == 2
        found = host.run("discover_portals", listening=False).worked().outputs["portals"]
        assert {"name": "shop", "url": "http://nas:8081", "source": "container:shop_shop_1"} in found, found
        subprocess.run(["docker", "-H", engine, "stop", "-t", "0", "shop_shop_1"], check=True, capture_output=True)
        preview, run = host.three_runs("deploy_compose_app", **app)
        assert preview.changed == run.changed == 1, "a stopped app is started again"
        _, run = host.three_runs("deploy_compose_app", **dict(app, ports=["8082:80"]))
        assert run.outputs["urls"] == ["http://nas:8082"] and run.changed == 2
        # The engine reaches no registry: what can't be pulled is a failure that says so.
        host.run("deploy_kuma").refused("kuma on nas", "docker-compose", "failed with code")
        assert "louislam/uptime-kuma:1" in host.path("/opt/kuma/compose.yml").read_text()
