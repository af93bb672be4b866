"""A node's way to the Hub, against a real HTTP server."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from certipy import Certipy

from spawner.gpu.agent.client import HubConnection, Outcome, WrongSettings, read_token
from spawner.gpu.agent.schema import parse_report
from tests.support.report_taker import TOKEN, answering, write_token


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    return write_token(tmp_path / "token")


def test_a_report_arrives_as_it_was_made_with_the_token_in_its_header(token_file: str) -> None:
    with answering() as hub:
        outcome = HubConnection(hub.url + "/", token_file).send('{"node": "g001", "at": 1}')
        arrived = hub.report()

    assert outcome == Outcome()
    assert arrived["path"] == "/hub/api/resource-form/gpu-reports"
    assert arrived["headers"]["Authorization"] == f"token {TOKEN}"
    assert arrived["headers"]["Content-Type"] == "application/json"
    assert parse_report(arrived["body"]).node == "g001"


def test_one_connection_serves_many_reports(token_file: str) -> None:
    with answering(204, (400, {}, b'{"message": "no"}'), 204) as hub:
        connection = HubConnection(hub.url, token_file)
        failures = [bool(connection.send("{}").failure) for _ in range(4)]

        assert failures == [False, True, False, False]
        assert len(hub.connections) == 1


def test_a_connection_that_was_closed_meanwhile_costs_no_report(token_file: str) -> None:
    with answering() as hub:
        hub.closes = True
        connection = HubConnection(hub.url, token_file)

        assert [connection.send("{}") for _ in range(3)] == [Outcome()] * 3
        assert len(hub.connections) == 3
        assert all(hub.report() for _ in range(3))
        assert hub.reports.empty(), "no report was sent twice"


def test_one_that_is_closed_while_a_report_is_on_its_way_is_tried_once_more_and_a_new_one_is_not(token_file: str) -> None:
    with answering(204, 0, 204, 0) as hub:
        connection = HubConnection(hub.url, token_file)

        assert [connection.send("{}"), connection.send("{}")] == [Outcome(), Outcome()]
        assert "without an answer" in connection.send("{}").failure
        assert len(hub.connections) == 3, "kept: 1; again: 2, and the third report; again: 3"


def test_the_token_is_read_anew_for_each_report(token_file: str) -> None:
    with answering() as hub:
        connection = HubConnection(hub.url, token_file)
        connection.send("{}")
        Path(token_file).write_text("another")
        connection.send("{}")
        Path(token_file).unlink()
        failed = connection.send("{}")

        assert [hub.report()["headers"]["Authorization"] for _ in range(2)] == [f"token {TOKEN}", "token another"]
    assert "No such file" in failed.failure


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_follows_no_redirect(status: int, token_file: str) -> None:
    with answering() as elsewhere, answering((status, {"Location": elsewhere.url}, b"")) as hub:
        outcome = HubConnection(hub.url, token_file).send("{}")

        assert "elsewhere" in outcome.failure
        assert elsewhere.reports.empty()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, {}, b'{"status": 403, "message": "This token is another node\'s."}'), "It says: This token is another node's."),
        ((404, {}, b"<html>a page of a proxy</html>"), "does not know this node"),
        ((413, {}, b""), "too large"),
        ((502, {}, b"[" * 10000), "not well"),
        ((400, {}, json.dumps({"message": "two\nlines\x1b[31m" + "x" * 5000}).encode()), "two lines [31mxxx"),
        ((500, {}, b"x" * 1_000_000), "not well"),
    ],
)
def test_a_refusal_is_told_in_one_short_line(answer: tuple[int, dict[str, str], bytes], words: str, token_file: str) -> None:
    with answering(answer) as hub:
        outcome = HubConnection(hub.url, token_file).send("{}")

    assert outcome.kind == str(answer[0])
    assert words in outcome.failure
    assert outcome.failure.isprintable()
    assert len(outcome.failure) < 400
    assert TOKEN not in outcome.failure


def test_no_hub_is_told(token_file: str) -> None:
    with answering() as hub:
        url = hub.url
    assert "cannot be reached" in HubConnection(url, token_file).send("{}").failure


def test_a_hub_that_is_silent_is_given_up(token_file: str) -> None:
    with answering() as hub:
        # The kernel takes the connection, nobody answers.
        hub.server.shutdown()
        assert HubConnection(hub.url, token_file, limit=0.2).send("{}").failure == "The Hub does not answer."


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An authority of the site's own, and what it has signed for localhost."""
    store = Certipy(store_dir=str(tmp_path_factory.mktemp("certificates")))
    store.create_ca("authority")
    store.create_signed_pair("hub", "authority", alt_names=["DNS:localhost"])
    files = store.store.get_files("hub")
    return {"key": files.key.file_path, "cert": files.cert.file_path, "authority": store.store.get_files("authority").cert.file_path}


def test_a_hub_is_trusted_only_with_a_certificate(certificates: dict[str, str], token_file: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates["cert"], certificates["key"])
    with answering(context=context) as hub:
        strange = HubConnection(hub.url, token_file).send("{}")
        trusted = HubConnection(hub.url, token_file, authority_file=certificates["authority"])

        assert "not to be trusted" in strange.failure
        assert "--ca-file" in strange.failure
        assert hub.reports.empty(), "the token did not leave the node"
        assert [trusted.send("{}"), trusted.send("{}")] == [Outcome(), Outcome()]
        assert len(hub.connections) == 1
        assert "not to be trusted" in (
            HubConnection(hub.url.replace("localhost", "127.0.0.1"), token_file, authority_file=certificates["authority"])
            .send("{}")
            .failure
        ), "it is of another name"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub/api",
        "ftp://hub",
        "http://",
        "https://user:word@hub/hub/api",
        "https://hub/?a=b",
        "http://hub:99999/",
        "http://h b/",
        "http://ü/",
    ],
)
def test_an_address_that_is_none_is_refused(url: str, token_file: str) -> None:
    with pytest.raises(WrongSettings, match="address") as caught:
        HubConnection(url, token_file)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "content", "words"),
    [(0o604, "t", "0600"), (0o602, "t", "0600"), (0o600, "", "no token"), (0o600, "two words", "no token"), (0o600, "a\nb: c", "no token")],
)
def test_a_token_that_others_can_get_at_or_that_is_none_is_refused(mode: int, content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(WrongSettings, match=words):
        read_token(str(path))


def test_the_hub_s_wish_is_read_from_its_answer(token_file: str) -> None:
    with answering((429, {"Retry-After": "7"}, b""), (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"")) as hub:
        connection = HubConnection(hub.url, token_file)

        assert [connection.send("{}").retry_after for _ in range(2)] == [7, None]
