"""amoctl connector test says in words at which step a call to the service failed."""
import socket

import pytest

from remotes import Certificates, Remote, amoctl, amoctl_json, answer
from stack import Stack


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def bridge(certificates):
    with Stack(env={"AMO_EGRESS_CA_FILE": str(certificates.ca), "AMO_EGRESS_ATTEMPT_MS": "3000",
                    "AMO_EGRESS_CONNECT_MS": "1000"}) as stack:
        yield stack.up(register=False)


@pytest.fixture
def remote():
    opened = []

    def make(*args, **kwargs):
        opened.append(Remote(*args, **kwargs))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


made = iter(range(1000))


def connect(stack, url, private=True):
    """A new connector with that address; its name."""
    name = f"c{next(made)}"
    stack.control("connector.add", name=name, kind="http", url=url, allow_private=private)
    return name


def says(stack, name, stage, *words, cause=None):
    """The test fails at that stage, and says so to people and to programs."""
    code, said = amoctl_json(stack, "connector", "test", name)
    assert code == 1 and said["connector"] == name
    assert said["stage"] == stage, said
    assert cause is None or said["cause"] == cause, said
    for word in words:
        assert word in said["words"], said
    code, table, complaint = amoctl(stack, "connector", "test", name)
    assert code == 1 and words[0] in complaint and stage in table
    return said


def test_a_service_that_answers_is_told_with_its_time_and_its_certificates_days(bridge, remote, certificates):
    service = remote(lambda request: answer(204), tls=certificates.ending(30))
    name = connect(bridge, f"https://localhost:{service.port}/hook")
    code, said = amoctl_json(bridge, "connector", "test", name)
    assert (code, said["outcome"], said["status"], said["stage"]) == (0, "done", 204, "answered")
    assert said["cert_days"] == 29 and said["ms"] >= 0
    assert "answered 204" in said["words"] and "29 days" in said["words"]
    assert service.requests[0].json()["type"] == "connector.test"
    code, table, _ = amoctl(bridge, "connector", "test", name)
    assert code == 0 and "answered 204" in table
    assert service.handshakes == 2  # each test looks anew: no connection of before


def test_a_service_without_tls_has_no_certificate_to_tell_of(bridge, remote):
    service = remote(lambda request: answer(200))
    code, said = amoctl_json(bridge, "connector", "test", connect(bridge, service.url))
    assert code == 0 and "cert_days" not in said


def test_a_name_that_is_nobodys_is_dns(bridge):
    says(bridge, connect(bridge, "https://nobody.invalid/hook"), "dns", "DNS", "not found", cause="connect")


def test_a_port_that_nobody_listens_at_is_tcp(bridge):
    with socket.socket() as nobody:  # bound and silent: nobody else gets this port meanwhile
        nobody.bind(("127.0.0.1", 0))
        name = connect(bridge, f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        says(bridge, name, "connect", "TCP", "refused", cause="connect")


@pytest.mark.parametrize("kind, tls, words", [
    ("expired", "expired", "has expired"), ("self", "self_signed", "self-signed"),
    ("name", "other_name", "another name"), ("stranger", "unknown_authority", "egress/ca_file"),
])
def test_a_bad_certificate_is_told_with_its_reason(bridge, remote, certificates, tmp_path, kind, tls, words):
    contexts = {"expired": lambda: certificates.ending(-1), "self": certificates.self_signed,
                "name": lambda: certificates.ending(2, "elsewhere.example"),
                "stranger": lambda: Certificates(tmp_path).ending(2)}
    service = remote(tls=contexts[kind]())
    said = says(bridge, connect(bridge, f"https://localhost:{service.port}/"), "tls", "TLS", words, cause="connect")
    assert said["tls"] == tls and service.requests == []


def test_https_to_a_port_without_tls_is_no_agreement(bridge):
    name = connect(bridge, bridge.sandbox_url.replace("http://", "https://"))
    said = says(bridge, name, "tls", "TLS", "no agreement")
    assert said["tls"] == "handshake"


def test_a_private_address_is_told_with_what_would_allow_it(bridge, remote, certificates):
    service = remote(tls=certificates.ending(3))
    name = connect(bridge, f"https://localhost:{service.port}/", private=False)
    says(bridge, name, "address", "private network", "--allow-private", "loopback", cause="private")
    assert service.connections == 0


@pytest.mark.parametrize("status, cause, words", [
    (301, "redirect", "never followed"), (401, "forbidden", "our signature"), (403, "forbidden", "our signature"),
    (404, "not_found", "path"), (410, "gone", "gone"), (422, "refused", "refused the test"),
    (429, "throttled", "fewer"), (500, "server", "in trouble"), (503, "server", "in trouble"),
])
def test_a_refusal_is_told_by_its_status(bridge, remote, status, cause, words):
    elsewhere = remote()
    service = remote(lambda request: answer(status, {"error": {"message": "its-own-words"}},
                                            [("Location", elsewhere.url)]))
    said = says(bridge, connect(bridge, service.url), "answered", words, str(status), "its-own-words", cause=cause)
    assert said["status"] == status and elsewhere.connections == 0


def test_a_service_that_is_too_slow_is_told_so(bridge, remote):
    service = remote(lambda request: [30, None])
    name = connect(bridge, service.url)
    code, said = amoctl_json(bridge, "connector", "test", name)
    assert (code, said["stage"], said["cause"]) == (1, "sent", "timeout")
    assert "too slow" in said["words"] and "s" in said["words"]


def test_a_service_that_hangs_up_is_told_so(bridge, remote):
    service = remote(lambda request: None)
    says(bridge, connect(bridge, service.url), "sent", "without an answer", cause="cut")


def test_a_connector_that_nobody_knows_is_refused_in_words(bridge):
    code, said = amoctl_json(bridge, "connector", "test", "nobody")
    assert code == 1 and "no such connector" in said["error"]["message"]
    assert amoctl(bridge, "connector", "test")[0] == 2


@pytest.mark.parametrize("url", ["https://user@127.0.0.1/", "https://good.example@127.0.0.1/", "ftp://127.0.0.1/",
                                 "file:///etc/passwd", "gopher://127.0.0.1:6379/", "https://a b/", "127.0.0.1",
                                 "http://127.0.0.1/"])
def test_an_address_of_another_kind_is_refused_when_it_is_given(bridge, url):
    code, _, complaint = amoctl(bridge, "connector", "add", "--name", "trick", "--kind", "http", "--url", url)
    assert code == 2 and complaint.startswith("amoctl: ")
