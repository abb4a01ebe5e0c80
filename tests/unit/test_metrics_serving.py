"""What the address answers, and which addresses there are."""

import http.client
import json
from collections.abc import Iterator

import pytest

from schemas.exits import UsageError
from store.exposition import Figures
from store.metrics import WORKER_LAG_SECONDS
from stream.serving import Address, Answers, Health, parse_address, serving


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9309", Address("127.0.0.1", 9309)),
        ("10.0.0.7:9309", Address("10.0.0.7", 9309)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:9309", Address("::1", 9309)),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", ":9309", "host:", "host:port", "host:65536", "::1:9309", "[]:9309", "-1"])
def test_what_is_no_address_is_wrong_usage_and_said_so(text: str) -> None:
    with pytest.raises(UsageError, match=r"no address to listen on; give HOST:PORT"):
        parse_address(text)


def figures() -> Figures:
    found = Figures()
    found.add(WORKER_LAG_SECONDS, 1.5, "actions", 0)
    return found


@pytest.fixture
def address() -> Iterator[Address]:
    """An address where all is well but readiness."""
    answers = Answers(figures, Health, lambda: Health(("Redis", "Kafka")))
    with serving(Address("127.0.0.1", 0), answers) as bound:
        yield bound


def get(address: Address, path: str, accept: str = "*/*") -> tuple[int, str, str]:
    """Status, content type and body."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type") or "", answer.read().decode()
    finally:
        connection.close()


def test_health_is_a_status_and_the_reasons(address: Address) -> None:
    status, kind, body = get(address, "/livez")
    assert (status, kind, json.loads(body)) == (200, "application/json", {"ok": True, "reasons": []})
    status, _, body = get(address, "/readyz?verbose")
    assert (status, json.loads(body)) == (503, {"ok": False, "reasons": ["Redis", "Kafka"]})


@pytest.mark.parametrize(
    ("accept", "kind", "end"),
    [
        ("*/*", "text/plain; version=0.0.4", ""),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0", "# EOF\n"),
    ],
)
def test_metrics_come_in_the_form_that_is_asked_for(address: Address, accept: str, kind: str, end: str) -> None:
    status, content_type, body = get(address, "/metrics", accept)
    assert status == 200
    assert content_type.startswith(kind)
    assert 'engagement_worker_lag_seconds{partition="0",topic="actions"} 1.5\n' in body
    assert body.endswith(end)


def test_another_path_is_not_found_and_the_paths_are_named(address: Address) -> None:
    assert get(address, "/")[::2] == (404, "/metrics, /livez, /readyz\n")


def test_an_address_that_is_taken_is_wrong_usage(address: Address) -> None:
    with (
        pytest.raises(UsageError, match=f"cannot listen on {address}: Address already in use"),
        serving(address, Answers(figures, Health, Health)),
    ):
        pass


def test_after_the_block_nobody_listens() -> None:
    with serving(Address("127.0.0.1", 0), Answers(figures, Health, Health)) as other:
        assert get(other, "/livez")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        get(other, "/livez")


def test_a_figure_needs_a_value_for_each_label() -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Figures().add(WORKER_LAG_SECONDS, 1.0, "actions")
