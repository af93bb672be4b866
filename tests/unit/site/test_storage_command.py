"""What the site's command tells of storage: asked as the user, seldom, in the background; what it cannot tell is not told."""

from __future__ import annotations

import asyncio
import logging

import pytest
from traitlets import TraitError

from spawner.errors import ResourceFormError, SlurmTimeout
from spawner.hub.settings.storage import StorageSettings
from spawner.i18n import N_
from spawner.site.storage_command import AreaUsage, StorageUsage, parse_storage_usage
from spawner.slurm.runner import Identity, Result
from tests.support.fake_runner import FakeRunner
from tests.support.fake_slurm import EPOCH, VirtualTimeLoop

ADA = Identity("ada", 1001, 1001, "/home/ada", "/bin/bash", (1001,))
ANSWER = '{"area": "work", "used_bytes": 90, "limit_bytes": 100, "used_files": 5, "more": [1]}\n\n{"area": "home"}\n'


def test_an_answer() -> None:
    """A line an area; what is left out is not known, and no line is no area."""
    assert parse_storage_usage(ANSWER) == {"work": AreaUsage(90, 100, 5, None), "home": AreaUsage()}
    assert parse_storage_usage("") == {}
    work = AreaUsage(90, 100, 5, 0)
    assert (work.bytes_share, work.files_share) == (0.9, None)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[1]",
        "{}",
        '{"area": ""}',
        '{"area": 7}',
        '{"area": "work", "used_bytes": "90"}',
        '{"area": "work", "used_bytes": true}',
        '{"area": "work", "limit_files": -1}',
        '{"area": "work", "limit_files": NaN}',
        '{"area": "work", "limit_files": 1e30}',
        '{"area": "w"}\n' * 201,
        "[" * 100_000,
    ],
)
def test_what_is_no_answer(text: str) -> None:
    """One line that cannot be read, and all of it is not trusted; the log says what it was, shortly."""
    with pytest.raises(ResourceFormError) as error:
        parse_storage_usage(text)
    assert error.value.log.startswith("the answer of storage_command: ")
    assert len(error.value.log) <= 500


class Site(FakeRunner):
    """A command that takes a second and answers, or not."""

    def __init__(self) -> None:
        super().__init__(seconds=1.0)
        self.answer: Result | Exception = Result((), 0, ANSWER, "", 1.0)

    def result(self, argv: tuple[str, ...]) -> Result:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def usage(self, loop: VirtualTimeLoop) -> StorageUsage:
        """What the Hub makes of it."""

        async def identity(user: str) -> Identity:
            return ADA

        return StorageUsage(
            ["/opt/quota", "{user}", "-u={user}"],
            runner=self,
            identity=identity,
            interval=lambda: 600.0,
            log=logging.getLogger("test"),
            clock=lambda: EPOCH + loop.time(),
        )


@pytest.fixture
def loop() -> VirtualTimeLoop:
    """Time that passes at once."""
    return VirtualTimeLoop()


def test_nobody_waits(loop: VirtualTimeLoop) -> None:
    """The first look finds nothing, and has it asked, as the user, once however many look; later ones have the answer until it is old."""
    site = Site()

    async def test() -> None:
        usage, begun = site.usage(loop), loop.time()
        assert [await usage.of("ada") for _ in range(20)] == [{}] * 20
        assert loop.time() == begun
        await asyncio.sleep(2)
        assert (await usage.of("ada"))["work"].used_bytes == 90
        assert [(asked.argv, asked.identity, asked.timeout) for asked in site.asked] == [(("/opt/quota", "ada", "-u={user}"), ADA, 10.0)]
        await asyncio.sleep(605)
        assert await usage.of("ada"), "the old answer is shown until the new one is there"
        await asyncio.sleep(2)
        assert len(site.asked) == 2
        await asyncio.sleep(3000)
        assert await usage.of("ada") == {}, "what is older than that is not shown"

    loop.run_until_complete(test())
    loop.close()


@pytest.mark.parametrize(
    "answer",
    [Result((), 3, ANSWER, "no such user", 1.0), Result((), 0, "oops", "", 1.0), SlurmTimeout(N_("Slow."), log="it took too long")],
)
def test_it_fails(loop: VirtualTimeLoop, caplog: pytest.LogCaptureFixture, answer: Result | Exception) -> None:
    """Users see nothing of it, not even what it said before; the log has one line until it answers again."""
    site = Site()

    async def test() -> None:
        usage = site.usage(loop)
        await usage.of("ada")
        await asyncio.sleep(700)
        site.answer = answer
        await usage.of("ada")
        for _ in range(5):
            await asyncio.sleep(400)
            assert await usage.of("ada") == {}
        assert len(site.asked) > 3
        assert len([record for record in caplog.records if "the storage of ada" in record.message]) == 1

    loop.run_until_complete(test())
    loop.close()


@pytest.mark.parametrize(
    ("name", "value"), [("storage_command", ["quota"]), ("storage_command", ["/opt/my quota"]), ("storage_interval", 0)]
)
def test_settings_that_make_no_sense(name: str, value: object) -> None:
    """They are refused when they are set."""
    with pytest.raises(TraitError, match=name):
        StorageSettings(**{name: value})
