"""docker-compose.yml as it stands: whom ingress believes when it says for whom it asks. Nothing here needs containers."""
import ipaddress
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def compose(**env):
    """The file with its variables, as docker compose reads it."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: env.get(m[1]) or m[2] or "", text))


def trusted(file):
    told = [line.partition("=")[2] for line in file["services"]["ingress"]["environment"]
            if line.startswith("AMO_INGRESS_TRUSTED_PROXIES=")]
    return [ipaddress.ip_network(word) for word in told[0].split()]


def test_ingress_believes_the_proxy_by_default_and_nobody_else_can_have_its_address():
    for env in {}, {"AMO_DOOR_NET": "10.9.8"}:
        file = compose(**env)
        config, = file["networks"]["door"]["ipam"]["config"]
        network, given_out = ipaddress.ip_network(config["subnet"]), ipaddress.ip_network(config["ip_range"])
        assert trusted(file) == [given_out] and given_out.subnet_of(network)
        # the host, and whatever comes through its published ports, is not in it
        assert file["networks"]["door"]["internal"] and ipaddress.ip_address(config["gateway"]) in network
        assert ipaddress.ip_address(config["gateway"]) not in given_out
        assert {name for name, service in file["services"].items() if "door" in service["networks"]} == {"ingress", "proxy"}
        # else the proxy may find ingress by an address of another network, and come from one that is not believed
        shared = set(file["services"]["ingress"]["networks"]) & set(file["services"]["proxy"]["networks"])
        assert shared == {"door"}


def test_a_proxy_of_somebody_elses_is_believed_besides_when_it_is_named():
    file = compose(AMO_INGRESS_TRUSTED_PROXIES="192.0.2.7")
    assert [str(n) for n in trusted(file)] == ["172.16.87.128/25", "192.0.2.7/32"]


def test_ingress_itself_is_reached_from_the_host_alone():
    assert all(port.startswith("127.0.0.1:") for port in compose()["services"]["ingress"]["ports"])


def test_nothing_that_is_deployed_needs_a_looser_limit_than_the_default():
    files = [ROOT / "docker-compose.yml", *(f for f in sorted((ROOT / "deploy").rglob("*")) if f.is_file())]
    assert {"Caddyfile", "Dockerfile", "amo-ingress@.service", "docker-compose.yml"} <= {f.name for f in files}
    for file in files:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
        assert not [line for line in lines if re.search(r"ingress[_/]max_", line, re.IGNORECASE)], file
