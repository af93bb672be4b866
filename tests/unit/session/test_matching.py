"""Which job is the session's own: by id and the second of its submission, else by the nonce, and never another user's."""

from __future__ import annotations

from typing import Any

import pytest

from spawner.errors import SlurmOutputError
from spawner.job.sbatch import Tag
from spawner.session.matching import SUBMIT_TIME_TOLERANCE_SECONDS, has_moved, is_own, may_be_own, own_job
from spawner.session.record import Record
from spawner.slurm.model import UNREAD, Job

QUEUED = 1_800_000_000
NONCE = "0123456789abcdef"
OURS = Tag("hub", "ada", "", NONCE).comment
SEEN = Record(nonce=NONCE, job_id=7, submitted=QUEUED - 1.0, queued_at=QUEUED)
NOT_SEEN = Record(nonce=NONCE, job_id=7, submitted=float(QUEUED))
NO_ID = Record(nonce=NONCE, submitted=float(QUEUED))


def job(job_id: int = 7, **changes: Any) -> Job:
    """A running job of ada's with our tag, submitted when the record says."""
    values: dict[str, Any] = {"user": "ada", "state": "RUNNING", "submit": QUEUED, "comment": OURS, "batch_host": "g001", **changes}
    return Job(job_id, **values)


@pytest.mark.parametrize(
    ("record", "jobs", "found"),
    [
        pytest.param(SEEN, [job()], 7, id="id and second"),
        pytest.param(SEEN, [job(comment="mine")], 7, id="another comment hides nothing"),
        pytest.param(SEEN, [job(user="eve")], None, id="another user's with our id, second and comment"),
        pytest.param(SEEN, [job(user="eve"), job()], 7, id="another user's first"),
        pytest.param(SEEN, [job(submit=QUEUED + 1, comment="mine")], None, id="our id at another second"),
        pytest.param(SEEN, [job(submit=QUEUED + 1)], 7, id="requeued: another second with our nonce"),
        pytest.param(SEEN, [job(8)], None, id="our second and comment on another id"),
        pytest.param(SEEN, [job(6), job(7, comment="mine")], 7, id="a lower id with our comment is not ours"),
        pytest.param(NOT_SEEN, [job(comment="mine")], 7, id="second not known, a plugin's comment: the id that sbatch printed"),
        pytest.param(NOT_SEEN, [job(comment=Tag("hub", "ada", "", "0" * 16).comment)], None, id="second not known, another start's nonce"),
        pytest.param(NOT_SEEN, [job(submit=QUEUED + 5000, comment="mine")], None, id="second not known, a plugin's comment, much later"),
        pytest.param(NOT_SEEN, [job(user="eve", comment="mine")], None, id="second not known, a plugin's comment, another user's"),
        pytest.param(NOT_SEEN, [job(6, comment="mine"), job()], 7, id="second not known: another id is none"),
        pytest.param(NOT_SEEN, [job(submit=0, comment="mine")], None, id="no second on either side is no match"),
        pytest.param(NOT_SEEN, [job()], 7, id="second not known, our nonce"),
        pytest.param(NO_ID, [job(9), job(8)], 8, id="id not known: the first job with the nonce"),
        pytest.param(NO_ID, [job(8, comment="mine"), job(9, comment=""), job(10)], 10, id="id not known: others' comments are passed over"),
        pytest.param(Record(nonce=NONCE, queued_at=QUEUED), [job(9, comment="mine")], None, id="the second alone says nothing"),
        pytest.param(NO_ID, [job(comment=Tag("other", "ada", "", NONCE).comment)], None, id="another Hub's"),
        pytest.param(NO_ID, [job(comment=Tag("hub", "eve", "", NONCE).comment)], 7, id="the Hub's name of the user does not matter"),
        pytest.param(NO_ID, [job(comment=Tag("hub", "ada", "", "0" * 16).comment)], None, id="another start's nonce"),
        pytest.param(NO_ID, [job(comment=Tag("hub", "ada", "named", NONCE).comment)], 7, id="the server's name does not matter"),
        pytest.param(NO_ID, [], None, id="no jobs"),
    ],
)
def test_the_job_of_a_record(record: Record, jobs: list[Job], found: int | None) -> None:
    """The id with the second of submission, else the nonce in the comment; of this user and this Hub only."""
    own = own_job(jobs, record, user="ada", hub="hub")
    assert (own.job_id if own else None) == found
    assert own is None or own.user == "ada"


EARLIEST = QUEUED - int(SUBMIT_TIME_TOLERANCE_SECONDS)
LATEST = QUEUED + int(SUBMIT_TIME_TOLERANCE_SECONDS)


@pytest.mark.parametrize(
    ("record", "listed", "own"),
    [
        pytest.param(SEEN, job(), True, id="the very second"),
        pytest.param(SEEN, job(submit=QUEUED + 500), True, id="requeued: submitted later"),
        pytest.param(SEEN, job(submit=QUEUED - 1), False, id="a second too early"),
        pytest.param(SEEN, job(user="eve"), False, id="another user's"),
        pytest.param(SEEN, job(user="eve", submit=None), False, id="another user's at no time"),
        pytest.param(NOT_SEEN, job(submit=EARLIEST), True, id="Slurm's clock just not too far behind"),
        pytest.param(NOT_SEEN, job(submit=EARLIEST - 1), False, id="too far behind"),
        pytest.param(SEEN, job(submit=None), True, id="Slurm says no time"),
        pytest.param(NOT_SEEN, job(submit=LATEST), True, id="Slurm's clock just not too far ahead"),
        pytest.param(NOT_SEEN, job(submit=LATEST + 1), False, id="too far ahead"),
        pytest.param(Record(nonce=NONCE, job_id=7), job(submit=5), True, id="nobody knows when it was asked for"),
        pytest.param(Record(nonce=NONCE, job_id=7, queued_at=QUEUED), job(submit=5), False, id="before Slurm's own time of it"),
    ],
)
def test_whether_the_id_is_still_ours(record: Record, listed: Job, *, own: bool) -> None:
    """An id that was used again belongs to another user, or to a job from before ours; what nobody knows counts for us."""
    assert is_own(listed, record, user="ada") is own


@pytest.mark.parametrize(
    ("record", "listed", "may_be"),
    [
        pytest.param(NOT_SEEN, job(submit=EARLIEST - 1), True, id="Slurm's time of it is not known"),
        pytest.param(NOT_SEEN, job(submit=EARLIEST - 1, user="eve"), False, id="another user's"),
        pytest.param(SEEN, job(submit=QUEUED - 1), False, id="Slurm's time of it is known"),
        pytest.param(SEEN, Job(7, "", UNREAD), True, id="a row that cannot be read"),
    ],
)
def test_whether_only_the_nonce_can_tell(record: Record, listed: Job, *, may_be: bool) -> None:
    """Two clocks may differ by hours: as long as Slurm's own time of submission is not known, no time shows that a job is not ours."""
    assert may_be_own(listed, record, user="ada") is may_be


@pytest.mark.parametrize(
    ("record", "unread", "known"),
    [
        (SEEN, 7, False),
        (SEEN, 8, True),
        (SEEN, 0, False),
        (NO_ID, 8, False),
        (NO_ID, 0, False),
    ],
)
def test_a_row_that_cannot_be_read_may_be_ours(record: Record, unread: int, *, known: bool) -> None:
    """Then nobody knows that there is no such job; where it is found elsewhere, nothing is in doubt."""
    rows = [Job(unread, "", UNREAD), job(9, comment="mine")]
    if known:
        assert own_job(rows, record, user="ada", hub="hub") is None
    else:
        with pytest.raises(SlurmOutputError, match="may be in a row"):
            own_job(rows, record, user="ada", hub="hub")
    assert own_job([*rows, job()], record, user="ada", hub="hub") == job()


LISTENS = Record(nonce=NONCE, job_id=7, submitted=float(QUEUED), queued_at=QUEUED, node="g001", address="10.0.0.1", port=40000)


@pytest.mark.parametrize(
    ("listed", "record", "moved"),
    [
        pytest.param(job(), LISTENS, False, id="where it was"),
        pytest.param(job(state="PENDING"), LISTENS, True, id="waits"),
        pytest.param(job(state="COMPLETING"), LISTENS, False, id="ending"),
        pytest.param(job(batch_host="g002"), LISTENS, True, id="elsewhere"),
        pytest.param(job(batch_host=""), LISTENS, False, id="Slurm does not say where"),
        pytest.param(job(submit=QUEUED + 1), LISTENS, True, id="submitted anew"),
        pytest.param(job(submit=QUEUED - 1), LISTENS, False, id="an earlier second is no new submission"),
        pytest.param(job(submit=None), LISTENS, False, id="no time in the list"),
        pytest.param(job(), Record(nonce=NONCE, job_id=7, node="g001"), False, id="no time in the record"),
    ],
)
def test_whether_it_was_put_back_into_the_queue(listed: Job, record: Record, *, moved: bool) -> None:
    """It waits, runs on another node, or was submitted anew since its server listened; each alone is enough."""
    assert has_moved(listed, record) is moved
