"""Tests for spawner.slurm.grammar: what Slurm prints and what people type."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.slurm.grammar import expand_hostlist, parse_duration_minutes, parse_gres
from spawner.slurm.model import Gres
from spawner.units import MAX_WALLTIME_MINUTES, format_memory, format_walltime, parse_memory_mb, parse_walltime

settings.register_profile("unit", deadline=None)  # a loaded machine is no failure
settings.load_profile("unit")

# --- GRES ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("(null)", (), id="null"),
        pytest.param("N/A", (), id="not-available"),
        pytest.param("gpu:4", (Gres("gpu", "", 4),), id="untyped"),
        pytest.param("gpu:0", (Gres("gpu", "", 0),), id="zero"),
        pytest.param("gpu", (Gres("gpu", "", 1),), id="name-means-one"),
        pytest.param("gpu:tesla", (Gres("gpu", "tesla", 1),), id="type-without-count-means-one"),
        pytest.param("gpu:a100:4", (Gres("gpu", "a100", 4),), id="typed"),
        pytest.param("gpu:a100:4(S:0-1)", (Gres("gpu", "a100", 4, "S:0-1"),), id="sockets"),
        pytest.param("gpu:a100:4(S:0,2)", (Gres("gpu", "a100", 4, "S:0,2"),), id="sockets-with-comma"),
        pytest.param("gpu:a100:2(S:0),gpu:v100:2(S:1)", (Gres("gpu", "a100", 2, "S:0"), Gres("gpu", "v100", 2, "S:1")), id="two-types"),
        pytest.param("gpu:a100:3(IDX:0,2-3)", (Gres("gpu", "a100", 3, "IDX:0,2-3"),), id="indices-with-comma"),
        pytest.param("gpu:a100:0(IDX:N/A)", (Gres("gpu", "a100", 0, "IDX:N/A"),), id="no-index"),
        pytest.param("gpu:(null):2(IDX:0-1)", (Gres("gpu", "", 2, "IDX:0-1"),), id="null-type"),
        pytest.param("gpu:(null):0(IDX:N/A),shard:0", (Gres("gpu", "", 0, "IDX:N/A"), Gres("shard", "", 0)), id="null-type-then-shard"),
        pytest.param("gpu:a100_3g.20gb:2(S:0)", (Gres("gpu", "a100_3g.20gb", 2, "S:0"),), id="mig"),
        pytest.param("gpu:h100_1g.10gb+me:7", (Gres("gpu", "h100_1g.10gb+me", 7),), id="mig-plus"),
        pytest.param("gpu:1g.5gb:7", (Gres("gpu", "1g.5gb", 7),), id="mig-that-starts-with-a-digit"),
        pytest.param("shard:64(S:0-1)", (Gres("shard", "", 64, "S:0-1"),), id="shards"),
        pytest.param("shard:a100:5(2/8,3/8)", (Gres("shard", "a100", 5, "2/8,3/8"),), id="shards-per-device"),
        pytest.param(
            "gpu:1(IDX:0),shard:8(-/5,5/5,3/5,0/5)",
            (Gres("gpu", "", 1, "IDX:0"), Gres("shard", "", 8, "-/5,5/5,3/5,0/5")),
            id="whole-and-shards",
        ),
        pytest.param("mps:2K", (Gres("mps", "", 2048),), id="kilo"),
        pytest.param("lustre:scratch:3M", (Gres("lustre", "scratch", 3 * 1024**2),), id="mega"),
        pytest.param("bandwidth:4G", (Gres("bandwidth", "", 4 * 1024**3),), id="giga"),
        pytest.param("bandwidth:lustre:no_consume:4G", (Gres("bandwidth", "lustre", 4 * 1024**3),), id="no-consume-typed"),
        pytest.param("bandwidth:no_consume:4", (Gres("bandwidth", "", 4),), id="no-consume"),
        pytest.param("craynetwork:4", (Gres("craynetwork", "", 4),), id="no-gpu"),
        pytest.param("gpu:a100:4,", (Gres("gpu", "a100", 4),), id="comma-at-the-end"),
        pytest.param("gpu:2,(null)", (Gres("gpu", "", 2),), id="null-at-the-end"),
        pytest.param("gpu:a100:9(IDX:0,2,4,6,8", (Gres("gpu", "a100", 9, "IDX:0,2,4,6,8"),), id="cut-at-the-end"),
        pytest.param("gpu:a100:9(IDX:0,2,4,", (Gres("gpu", "a100", 9, "IDX:0,2,4"),), id="cut-after-a-comma"),
        pytest.param(
            "gpu:a100:9(IDX:0,2,4,gpu:v100:1(IDX:9)",
            (Gres("gpu", "a100", 9, "IDX:0,2,4"), Gres("gpu", "v100", 1, "IDX:9")),
            id="cut-in-the-middle",
        ),
    ],
)
def test_gres_of_every_printed_shape_is_read(text: str, expected: tuple[Gres, ...]) -> None:
    """Each shape of Gres and GresUsed that some version prints gives its entries, with the count never taken from IDX."""
    assert parse_gres(text) == expected


@pytest.mark.parametrize(
    "text", ["gpu:a100:x:2", "gpu:a100:4)", "(gpu)", ":4", "gpu:a b:2", "gpu,,x", "gpu:4(IDX:0))", "gpu:a100:", "gpu:a100:4(IDX:0))"]
)
def test_gres_of_another_shape_is_refused(text: str) -> None:
    """What is no GRES list raises ValueError instead of counting something."""
    with pytest.raises(ValueError, match="GRES"):
        parse_gres(text)


def test_digits_of_other_scripts_are_no_count() -> None:
    """A digit that is not ASCII makes a type, never a number of GPUs."""
    assert parse_gres("gpu:٤") == (Gres("gpu", "٤", 1),)


_WORD = st.from_regex(r"[a-z][a-z0-9_.+]{0,11}", fullmatch=True).filter(lambda word: word != "no_consume")
_DETAIL = st.one_of(
    st.just(""),
    st.just("IDX:N/A"),
    st.lists(st.integers(0, 63), min_size=1, max_size=9).map(lambda numbers: "IDX:" + ",".join(map(str, numbers))),
    st.lists(st.tuples(st.integers(0, 8), st.just(8)), min_size=1, max_size=8).map(lambda pairs: ",".join(f"{a}/{b}" for a, b in pairs)),
)
_GRES = st.builds(Gres, name=_WORD, type=st.one_of(st.just(""), _WORD), count=st.integers(0, 10**9), detail=_DETAIL)


def format_gres(entries: list[Gres]) -> str:
    """The entries as Slurm writes them, the count always."""
    parts = []
    for entry in entries:
        fields = [entry.name, *([entry.type] if entry.type else []), str(entry.count)]
        parts.append(":".join(fields) + (f"({entry.detail})" if entry.detail else ""))
    return ",".join(parts)


@given(st.lists(_GRES, max_size=6))
def test_gres_survives_a_round_trip(entries: list[Gres]) -> None:
    """What Slurm writes, parse_gres reads back as the same entries in the same order."""
    assert parse_gres(format_gres(entries)) == tuple(entries)


@given(st.lists(_GRES, min_size=1, max_size=5), st.lists(_GRES, min_size=1, max_size=5))
def test_gres_splits_at_commas_outside_parentheses_only(left: list[Gres], right: list[Gres]) -> None:
    """Two lists joined by a comma are read as the entries of both: commas within parentheses never split."""
    assert parse_gres(f"{format_gres(left)},{format_gres(right)}") == (*left, *right)


# --- host lists ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("(null)", (), id="null"),
        pytest.param("g001", ("g001",), id="one"),
        pytest.param("g001,c1", ("g001", "c1"), id="two"),
        pytest.param("g[001-003,7],c1", ("g001", "g002", "g003", "g7", "c1"), id="ranges-and-padding"),
        pytest.param("g[9-11]", ("g9", "g10", "g11"), id="unpadded"),
        pytest.param("g[09-11]", ("g09", "g10", "g11"), id="padded"),
        pytest.param("g[998-1001]", ("g998", "g999", "g1000", "g1001"), id="grows-past-its-width"),
        pytest.param("r[1-2]n[01-02]", ("r1n01", "r1n02", "r2n01", "r2n02"), id="two-dimensions"),
        pytest.param("n[1-2]-ib", ("n1-ib", "n2-ib"), id="text-after-the-bracket"),
        pytest.param("g[5]", ("g5",), id="single-number"),
        pytest.param("g[2,1,2]", ("g2", "g1", "g2"), id="order-is-kept"),
    ],
)
def test_host_lists_are_expanded(text: str, expected: tuple[str, ...]) -> None:
    """A host list gives its names in Slurm's order, padded to the width of each range's first number."""
    assert expand_hostlist(text) == expected


@pytest.mark.parametrize(
    "text",
    ["g[1-3", "g1-3]", "g[3-1]", "g[a-b]", "g[]", "g[1,,2]", ",g1", "g1,", "g1,,g2", "g[1-2[3]]", "g 1", "g1\ng2", "g[1-٣]", "g[1-2-3]"],
)
def test_what_is_no_host_list_is_refused(text: str) -> None:
    """Broken brackets, empty entries, blanks and reversed ranges raise ValueError."""
    with pytest.raises(ValueError, match="host list"):
        expand_hostlist(text)


@pytest.mark.parametrize(
    "text", ["g[1-1000001]", "r[1-1001]n[1-1000]", "g[0-999999999999999999]", "a[1-600000],b[1-600000]", "g[1-99999999999999999999999]"]
)
def test_a_host_list_of_more_than_a_million_names_is_refused(text: str) -> None:
    """A short text cannot make the Hub fill its memory."""
    with pytest.raises(ValueError, match=r"hosts|host list"):
        expand_hostlist(text)


def test_a_host_list_of_a_million_names_is_allowed() -> None:
    """The bound itself is still a host list."""
    assert len(expand_hostlist("g[1-1000000]")) == 1_000_000


def test_an_overlong_host_name_is_refused() -> None:
    """Names longer than DNS allows cannot multiply into gigabytes."""
    with pytest.raises(ValueError, match="255"):
        expand_hostlist("g" * 250 + "[1-100000]")


def test_host_lists_expand_as_scontrol_does() -> None:
    """The names of ``scontrol show hostnames`` (22.05.8), captured for one list with every feature."""
    captured = "b9 b10 b11 b05 x0n7 x0n8 x1n7 x1n8 c1"
    assert expand_hostlist("b[9-11,05],x[0-1]n[7-8],c1") == tuple(captured.split())


_RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=3)
_PREFIX = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
_ENTRY = st.lists(st.tuples(_PREFIX, st.one_of(st.none(), _RANGES)), min_size=1, max_size=2)


def _written(entry: list[tuple[str, list[tuple[int, int, int]] | None]]) -> str:
    text = ""
    for prefix, ranges in entry:
        text += prefix
        if ranges is not None:
            text += "[" + ",".join(f"{low:0{width}d}-{low + more:0{width}d}" for low, more, width in ranges) + "]"
    return text


def _oracle(entry: list[tuple[str, list[tuple[int, int, int]] | None]]) -> list[str]:
    """The names by recursion from the left, padded by the format language instead of by zfill."""
    if not entry:
        return [""]
    (prefix, ranges), rest = entry[0], entry[1:]
    heads = [prefix]
    if ranges is not None:
        heads = []
        for low, more, width in ranges:
            pad = max(width, len(str(low)))
            number = low
            while number <= low + more:
                heads.append(prefix + format(number, f"0{pad}d"))
                number += 1
    return [head + tail for head in heads for tail in _oracle(rest)]


@given(st.lists(_ENTRY, min_size=1, max_size=3))
def test_host_lists_agree_with_an_independent_expansion(entries: list[list[tuple[str, list[tuple[int, int, int]] | None]]]) -> None:
    """Any list of prefixes and ranges expands to what a plain recursion over it gives."""
    assert expand_hostlist(",".join(map(_written, entries))) == tuple(name for entry in entries for name in _oracle(entry))


# --- printed durations ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("08:00:00", 480),
        ("1-00:00:00", 1440),
        ("30-00:00:00", 43200),
        ("00:00:01", 1),
        ("00:01:00", 1),
        ("00:01:01", 2),
        ("5:00", 5),
        ("0:00", 0),
        ("UNLIMITED", None),
        ("NONE", None),
        ("INVALID", None),
        ("NOT_SET", None),
        ("N/A", None),
    ],
)
def test_printed_limits_are_read_in_minutes(text: str, expected: int | None) -> None:
    """``[d-]hh:mm:ss`` gives minutes with seconds rounded up; the words for "no limit" give None, never 0."""
    assert parse_duration_minutes(text) == expected


@pytest.mark.parametrize("text", ["", "8", "8h", "-1:00", "1:00:00:00", "1-1", "٠٨:00:00", "(null)", "08:00:00\n"])
def test_what_slurm_does_not_print_is_no_limit(text: str) -> None:
    """Another text raises ValueError: unknown is not unlimited."""
    with pytest.raises(ValueError, match="time limit"):
        parse_duration_minutes(text)


# --- walltime ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("90", 90, id="minutes"),
        pytest.param(90, 90, id="integer-minutes"),
        pytest.param("1:30", 2, id="minutes-seconds-round-up-as-in-sbatch"),
        pytest.param("90:00", 90, id="minutes-seconds"),
        pytest.param("1:30:00", 90, id="hours-minutes-seconds"),
        pytest.param("1:30:01", 91, id="seconds-round-up"),
        pytest.param("1-12", 2160, id="days-hours"),
        pytest.param("1-0:30", 1470, id="days-hours-minutes"),
        pytest.param("1-12:00:00", 2160, id="days-hours-minutes-seconds"),
        pytest.param("1-02:00:00", 1560, id="padded"),
        pytest.param("90m", 90, id="m"),
        pytest.param("2h", 120, id="h"),
        pytest.param("1d", 1440, id="d"),
        pytest.param("1h30m", 90, id="h-m"),
        pytest.param("1d12h", 2160, id="d-h"),
        pytest.param("1d 2h 3m", 1563, id="blanks-between"),
        pytest.param(" 2 H ", 120, id="upper-case-and-blanks"),
        pytest.param("90s", 2, id="seconds"),
        pytest.param("2 hours", 120, id="word"),
        pytest.param("0.25 h", 15, id="quarter-of-an-hour"),
        pytest.param("1.5h", 90, id="decimal-hours"),
        pytest.param("0.5d", 720, id="decimal-days"),
        pytest.param("0.01h", 1, id="decimal-rounds-up"),
        pytest.param("10-0", 14400, id="ten-days"),
        pytest.param(1, 1, id="least"),
        pytest.param(MAX_WALLTIME_MINUTES, MAX_WALLTIME_MINUTES, id="most"),
    ],
)
def test_walltimes_of_every_form_are_read(value: str | int, expected: int) -> None:
    """sbatch's forms mean what they mean to sbatch; units are read as written; a part of a minute counts as one."""
    assert parse_walltime(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "0",
        "0h",
        "00:00:00",
        0,
        -5,
        "-5",
        "-1:00",
        "+5",
        "1e3",
        "1_0",
        "٩٠",
        "９０",
        "1:2:3:4",
        "1-",
        "-1-0",
        "1-1-1",
        "1.5",
        "1.5.5h",
        "h",
        "30m1h",
        "1h1h",
        "2 weeks",
        "infinite",
        "UNLIMITED",
        "nan",
        "90\n",
        "90\x00",
        "90 --wrap=x",
        "9999999999",
        "9999-0",
        MAX_WALLTIME_MINUTES + 1,
        True,
        1.5,
        None,
        [90],
    ],
    ids=repr,
)
def test_what_is_no_walltime_is_refused(value: object) -> None:
    """Zero (which Slurm reads as no limit), signs, exponents, other scripts, control characters and other types are refused."""
    with pytest.raises(ValueError, match=r"^(It|The) [a-z].*\.$"):
        parse_walltime(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minutes", "expected"), [(1, "00:01:00"), (90, "01:30:00"), (1439, "23:59:00"), (1440, "1-00:00:00"), (2160, "1-12:00:00")]
)
def test_walltimes_are_written_as_slurm_prints_them(minutes: int, expected: str) -> None:
    """``hh:mm:ss`` below a day, else ``d-hh:mm:ss``."""
    assert format_walltime(minutes) == expected


@given(st.integers(1, MAX_WALLTIME_MINUTES))
def test_a_walltime_survives_a_round_trip(minutes: int) -> None:
    """What format_walltime writes is read as the same minutes, by us as a request and as Slurm's own print."""
    text = format_walltime(minutes)
    assert parse_walltime(text) == minutes
    assert parse_duration_minutes(text) == minutes


def test_a_negative_walltime_is_not_written() -> None:
    """A caller's mistake does not become an option of sbatch."""
    with pytest.raises(ValueError, match="negative"):
        format_walltime(-1)


# --- memory ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("32G", 32768, id="G"),
        pytest.param("32GB", 32768, id="GB"),
        pytest.param("32GiB", 32768, id="GiB"),
        pytest.param("32768M", 32768, id="M"),
        pytest.param("512 MB", 512, id="blank-before-the-unit"),
        pytest.param("32", 32768, id="bare-text-is-GB"),
        pytest.param(32, 32768, id="bare-integer-is-GB"),
        pytest.param("1.5", 1536, id="bare-decimal-is-GB"),
        pytest.param(1.5, 1536, id="float-is-GB"),
        pytest.param(0.5, 512, id="half"),
        pytest.param("1T", 1048576, id="T"),
        pytest.param("1.25tb", 1310720, id="TB"),
        pytest.param("1024K", 1, id="K"),
        pytest.param("1025k", 2, id="K-rounds-up"),
        pytest.param("1K", 1, id="one-K-is-one-MB"),
        pytest.param(" 4g ", 4096, id="lower-case-and-blanks"),
        pytest.param("1M", 1, id="least"),
        pytest.param("0.0009765625G", 1, id="exactly-one-MB"),
        pytest.param("512.0M", 512, id="decimal-that-is-whole"),
    ],
)
def test_amounts_of_memory_are_read_in_mb(value: str | float, expected: int) -> None:
    """1 GB is 1024 MB, a bare number is GB, only K is rounded up."""
    assert parse_memory_mb(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "0",
        "0G",
        0,
        0.0,
        "-1",
        -1,
        "+4",
        "1e3",
        "4_0",
        "nan",
        "inf",
        "Infinity",
        float("nan"),
        float("inf"),
        float("-inf"),
        1e300,
        1e-9,
        10**30,
        pytest.param(10**5000, id="5001 digits"),
        "٤G",
        "４G",
        "4X",
        "4GG",
        "G",
        ".5",
        "5.",
        "1,5",
        "1.5M",
        "0.1",
        0.1,
        "4G\n",
        "4\x00G",
        "4G --gres=gpu:8",
        "0x10",
        True,
        False,
        None,
        [4],
    ],
    ids=repr,
)
def test_what_is_no_amount_of_memory_is_refused(value: object) -> None:
    """Zero (which sbatch reads as all of the node), signs, exponents, parts of a MB, other scripts and other types are refused."""
    with pytest.raises(ValueError, match=r"^It has to be [a-z].*\.$"):
        parse_memory_mb(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("megabytes", "expected"),
    [
        (1, "1 MB"),
        (512, "512 MB"),
        (1023, "1023 MB"),
        (1024, "1 GB"),
        (1536, "1.5 GB"),
        (1280, "1.25 GB"),
        (32768, "32 GB"),
        (375300, "375300 MB"),
        (102400, "100 GB"),
    ],
)
def test_amounts_of_memory_are_written_in_words(megabytes: int, expected: str) -> None:
    """In GB with at most two decimals where that is exact, else in MB."""
    assert format_memory(megabytes) == expected


@given(st.integers(1, 10**9))
def test_an_amount_of_memory_survives_a_round_trip(megabytes: int) -> None:
    """What format_memory writes is read as the same MB."""
    assert parse_memory_mb(format_memory(megabytes)) == megabytes


def test_a_negative_amount_of_memory_is_not_written() -> None:
    """A caller's mistake does not become an option of sbatch."""
    with pytest.raises(ValueError, match="negative"):
        format_memory(-1)


@pytest.mark.parametrize(
    "text", ["1d" + " " * 100_000 + "x", " " * 100_000, "1" * 100_000, "1h" * 50_000], ids=["blanks", "empty", "digits", "units"]
)
def test_a_long_text_is_refused_at_once(text: str) -> None:
    """What a browser can post costs no time, however long it is."""
    for parser in (parse_walltime, parse_memory_mb):
        with pytest.raises(ValueError, match="It has to be"):
            parser(text)


# --- arbitrary text ---

_SLURMISH = st.text(st.sampled_from("gpushardIDXSNA:()[],-/0129KMGT. \nnull\t٣"), max_size=60)


@pytest.mark.parametrize("parser", [parse_gres, expand_hostlist, parse_duration_minutes, parse_walltime, parse_memory_mb])
@given(text=st.one_of(st.text(max_size=60), _SLURMISH))
def test_arbitrary_text_raises_nothing_but_valueerror(parser: object, text: str) -> None:
    """No text makes a parser of this module fail in another way."""
    assert callable(parser)
    with contextlib.suppress(ValueError):
        parser(text)
