"""Sessions by days, as the pages without JavaScript group them."""

from __future__ import annotations

import datetime

from spawner.hub.sessions.days import by_day


def test_groups() -> None:
    """In their order, a group a day; how long each ran, and that one never did."""
    now = datetime.datetime(2026, 11, 29, 12).astimezone()

    def moment(**ago: int) -> str:
        return (now - datetime.timedelta(**ago)).astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")

    sessions = [
        {"started": moment(hours=3), "ended": moment(hours=1, minutes=3)},
        {"started": moment(hours=2, seconds=40), "ended": moment(hours=2)},
        {"started": None, "ended": moment(days=1)},
        {"submitted": None, "ended": None},
    ]
    days = by_day(sessions, now.timestamp())
    assert [day.words for day in days] == ["Today", "Yesterday", ""]
    assert [row.ran for day in days for row in day.rows] == ["1 h 57 min", "40 s", "did not run", ""]
    assert [row.time for row in days[0].rows] == ["10:57", "10:00"]
    assert [row.moment for day in days for row in day.rows] == ["10:57", "10:00", "12:00 on Sat 28 Nov", ""]
    assert [row.session for day in days for row in day.rows] == sessions
