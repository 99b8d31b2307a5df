"""The queue: order, numbers, group commits, bounds, gaps. Real files, a clock that the test controls."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.errors import SpoolError
from edged.messaging.spool import MessageLoss, Rank, Spool, SpoolItem
from edged.messaging.spool.files import SpoolFiles
from edged.messaging.spool.loss import SeqRange, merge_ranges
from edged.messaging.spool.recovery import SuspectNumbers
from edged.messaging.spool.schema import StoreSummary
from edged.messaging.spool.sequence_numbers import BLOCK_SIZE, SequenceNumbers
from support.clock import FakeClock
from support.spool_files import append_numbered, kill_spool, open_store

WALL_MS = 1_795_000_000_000


def describe(seq: int, loss: MessageLoss) -> tuple[str, bytes]:
    return "gap", f"{seq}:{loss.reason}".encode()


class SpoolBench:
    """Opens spools in one folder; `crash` leaves the state of kill -9."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.spool = self.open()

    def open(self, max_bytes: int = 1_000_000) -> Spool:
        return Spool(
            self.folder,
            max_bytes=max_bytes,
            max_age_s=3600,
            clock=self.clock,
            encode_gap=describe,
        )

    def append(self, count: int = 1, rank: Rank = Rank.EVENT, size: int = 10) -> list[int]:
        return [
            append_numbered(self.spool.append(rank, "t", lambda _: b"x" * size))
            for _ in range(count)
        ]

    def commit(self) -> None:
        self.clock.sleep(1)
        self.spool.tick()

    def crash(self, max_bytes: int = 1_000_000) -> None:
        kill_spool(self.spool)
        self.spool = self.open(max_bytes)

    def restart(self, max_bytes: int = 1_000_000) -> None:
        self.spool.close()
        self.spool = self.open(max_bytes)

    def take(self, limit: int = 100_000) -> list[SpoolItem]:
        return self.spool.take_unsent(limit)

    def numbers(self) -> list[int]:
        return [item.seq for item in self.take()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SpoolBench]:
    bench = SpoolBench(tmp_path)
    yield bench
    bench.spool.close()


def losses(items: list[SpoolItem]) -> list[MessageLoss]:
    return [msgspec.json.decode(i.loss, type=MessageLoss) for i in items if i.loss is not None]


def covered(ranges: tuple[SeqRange, ...]) -> set[int]:
    return {seq for first, last in ranges for seq in range(first, last + 1)}


def test_messages_come_out_in_the_order_of_their_numbers(bench: SpoolBench) -> None:
    numbers = bench.append(3)
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert [item.seq for item in bench.take(2)] == numbers[:2]
    assert [item.seq for item in bench.take(2)] == numbers[2:]
    assert bench.take(2) == []


def test_payload_is_made_of_its_number(bench: SpoolBench) -> None:
    seq = bench.spool.append(Rank.EVENT, "topic", lambda seq: str(seq).encode())
    (item,) = bench.take()
    assert (item.topic, item.payload) == ("topic", str(seq).encode())


def test_what_is_acknowledged_before_the_commit_never_touches_the_disk(bench: SpoolBench) -> None:
    seq = append_numbered(bench.spool.append(Rank.EVENT, "t", lambda _: b"spare the card"))
    bench.take()
    bench.spool.ack(seq)
    bench.commit()
    assert b"spare the card" not in b"".join(f.read_bytes() for f in bench.folder.iterdir())


def test_what_is_not_acknowledged_within_a_second_survives_a_crash(bench: SpoolBench) -> None:
    numbers = bench.append(3)
    bench.clock.sleep(0.5)
    assert bench.spool.tick() == pytest.approx(0.5)
    bench.clock.sleep(0.5)
    bench.spool.tick()
    bench.crash()
    assert bench.numbers()[:3] == numbers
    assert b"xxxx" in b"".join(f.read_bytes() for f in bench.folder.iterdir())


def test_the_64th_message_commits(bench: SpoolBench) -> None:
    numbers = bench.append(63)
    bench.crash()
    assert not set(numbers) & set(bench.numbers())
    numbers = bench.append(64)
    bench.crash()
    assert set(numbers) <= set(bench.numbers())


def test_a_crash_is_reported_with_all_numbers_that_are_unaccounted_for(bench: SpoolBench) -> None:
    stored = bench.append(2)
    bench.commit()
    lost = bench.append(5)
    bench.crash()
    items = bench.take()
    (loss,) = losses(items)
    (gap,) = (item for item in items if item.rank is Rank.GAP)
    assert loss.reason == "unclean_stop"
    assert loss.count is None
    assert loss.ranges == ((lost[0], gap.seq - 1),)
    assert [item.seq for item in items] == [*stored, gap.seq]


def test_a_clean_stop_loses_nothing_and_skips_no_number(bench: SpoolBench) -> None:
    before = bench.append(3)
    bench.restart()
    after = bench.append(2)
    assert bench.numbers() == before + after == list(range(before[0], before[0] + 5))


def test_numbers_rise_over_any_number_of_crashes(bench: SpoolBench) -> None:
    highest = 0
    for _ in range(5):
        first, *_, last = bench.append(7)
        assert first > highest
        highest = last
        bench.crash()


def test_crashes_without_a_connection_are_reported_in_one_record(bench: SpoolBench) -> None:
    used: set[int] = set()
    for _ in range(4):
        used |= set(bench.append(2))
        bench.crash()
    (item,) = bench.take()
    (loss,) = losses([item])
    assert used <= covered(loss.ranges)
    assert len(loss.ranges) == 1


def test_numbers_outrun_a_lost_disk(bench: SpoolBench, tmp_path: Path) -> None:
    *_, last = bench.append(2000)
    bench.spool.close()
    bench.clock.sleep(5)
    bench.folder = tmp_path / "new card"
    bench.spool = bench.open()
    assert bench.append()[0] > last


def test_rewind_hands_out_everything_unacknowledged_again(bench: SpoolBench) -> None:
    numbers = bench.append(5)
    bench.commit()
    numbers += bench.append(3)
    assert bench.numbers() == numbers
    bench.spool.ack(numbers[1])
    bench.spool.ack(numbers[6])
    bench.spool.rewind()
    assert bench.numbers() == [seq for i, seq in enumerate(numbers) if i not in {1, 6}]


def test_a_message_that_is_committed_while_in_flight_is_acknowledged_on_disk(
    bench: SpoolBench,
) -> None:
    (seq,) = bench.append()
    bench.take()
    bench.commit()
    bench.spool.ack(seq)
    bench.commit()
    bench.restart()
    assert bench.spool.depth == 0


def test_repeated_and_unknown_acknowledgements_do_nothing(bench: SpoolBench) -> None:
    numbers = bench.append(2)
    bench.take(1)
    for seq in (numbers[0], numbers[0], numbers[1], 5):
        bench.spool.ack(seq)
    assert bench.spool.depth == 1


def test_size_and_age(bench: SpoolBench) -> None:
    assert bench.spool.oldest_age_s is None
    bench.append(2, size=100)
    bench.clock.sleep(3)
    bench.spool.tick()
    bench.append(1, size=50)
    assert (bench.spool.depth, bench.spool.size_bytes) == (3, 250)
    assert bench.spool.oldest_age_s == 3


def test_time_off_and_a_clock_set_forward_age_nothing(bench: SpoolBench) -> None:
    bench.append()
    bench.clock.sleep(10)
    bench.spool.close()
    bench.clock.sleep(86_400)
    bench.spool = bench.open()
    bench.clock.step_wall(10 * 365 * 86_400)
    bench.clock.sleep(61)
    bench.spool.tick()
    assert bench.spool.depth == 1
    assert bench.spool.oldest_age_s == pytest.approx(71)


def test_the_old_expire_and_it_is_reported(bench: SpoolBench) -> None:
    old = bench.append(3)
    bench.clock.sleep(3000)
    young = bench.append(1)
    bench.clock.sleep(700)
    bench.spool.tick()
    items = bench.take()
    (loss,) = losses(items)
    assert (loss.reason, loss.count, covered(loss.ranges)) == ("expired", 3, set(old))
    assert items[0].seq == young[0]


def test_gap_records_do_not_expire(bench: SpoolBench) -> None:
    bench.append(3)
    bench.clock.sleep(3661)
    bench.spool.tick()
    bench.clock.sleep(36_000)
    bench.spool.tick()
    assert [loss.reason for loss in losses(bench.take())] == ["expired"]


def test_a_full_spool_gives_up_updates_first_and_the_oldest_first(bench: SpoolBench) -> None:
    bench.restart(max_bytes=1000)
    starts = bench.append(4, Rank.EVENT, 100)
    updates = bench.append(6, Rank.UPDATE, 100)
    newest = bench.append(1, Rank.EVENT, 100)
    items = bench.take()
    (loss,) = losses(items)
    assert loss == MessageLoss("full", ((updates[0], updates[1]),), 2)
    assert [i.seq for i in items if i.rank is not Rank.GAP] == starts + updates[2:] + newest


def test_a_full_spool_without_updates_gives_up_the_oldest_events(bench: SpoolBench) -> None:
    bench.restart(max_bytes=1000)
    numbers = bench.append(11, Rank.EVENT, 100)
    assert losses(bench.take()) == [MessageLoss("full", ((numbers[0], numbers[1]),), 2)]


def test_a_long_outage_leaves_one_gap_record_and_a_bounded_spool(bench: SpoolBench) -> None:
    bench.restart(max_bytes=20_000)
    numbers = [
        seq for _ in range(700) for rank in (0, 1) for seq in bench.append(1, Rank(rank), 100)
    ]
    assert bench.spool.size_bytes <= 20_000
    items = bench.take()
    (loss,) = losses(items)
    there = {item.seq for item in items}
    assert set(numbers) - there <= covered(loss.ranges)
    assert loss.count == len(set(numbers) - there)


def test_what_is_on_its_way_is_not_given_up(bench: SpoolBench) -> None:
    bench.restart(max_bytes=1000)
    bench.append(5, Rank.UPDATE, 100)
    in_flight = [item.seq for item in bench.take(3)]
    bench.append(8, Rank.UPDATE, 100)
    bench.spool.rewind()
    assert bench.numbers()[:3] == in_flight


def test_a_gap_record_that_is_on_its_way_is_not_rewritten(bench: SpoolBench) -> None:
    bench.restart(max_bytes=1000)
    bench.append(11, Rank.UPDATE, 100)
    sent = [item for item in bench.take() if item.rank is Rank.GAP]
    for item in sent:
        bench.spool.ack(item.seq)
    bench.spool.rewind()
    bench.append(5, Rank.UPDATE, 100)
    first, second = losses(sent), losses(bench.take())
    assert not covered(first[0].ranges) & covered(second[0].ranges)


def test_a_gap_record_that_is_on_its_way_stays_as_it_is(bench: SpoolBench) -> None:
    bench.restart(max_bytes=1000)
    bench.append(11, Rank.UPDATE, 100)
    on_their_way = bench.take()
    bench.append(5, Rank.UPDATE, 100)
    for item in on_their_way + bench.take():
        bench.spool.ack(item.seq)
    bench.commit()
    assert bench.spool.depth == 0
    assert bench.spool.size_bytes == 0


def test_a_crash_before_the_gap_record_is_stored_loses_none_of_its_numbers(tmp_path: Path) -> None:
    lost: list[SuspectNumbers | None] = []
    for used in (3, 0, 0):
        files = SpoolFiles(tmp_path)
        numbers = SequenceNumbers(files.open(files.claim()), wall_ms=WALL_MS)
        lost.append(numbers.recover(StoreSummary(), is_damaged=False))
        numbers.end_reservation(files.write_record(numbers.begin_reservation()))
        for _ in range(used):
            numbers.allocate()
        numbers.close(is_recorded=False)
        files.close()
    reports = [suspects and (suspects.first, suspects.end) for suspects in lost]
    assert reports == [
        None,
        (WALL_MS, WALL_MS + BLOCK_SIZE),
        (WALL_MS, WALL_MS + 2 * BLOCK_SIZE),
    ]


def test_a_commit_is_durable(bench: SpoolBench) -> None:
    execute = open_store(bench.spool).execute
    assert execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert execute("PRAGMA journal_mode").fetchone() == (b"wal",)


def test_a_second_daemon_is_kept_away(bench: SpoolBench) -> None:
    with pytest.raises(SpoolError, match="state_dir"):
        bench.open()


ranges = st.lists(
    st.tuples(st.integers(1, 2000), st.integers(0, 5)).map(lambda r: (r[0], r[0] + r[1])),
    max_size=400,
)


@settings(max_examples=50)
@given(ranges)
def test_merged_ranges_cover_all_and_are_few(given_ranges: list[SeqRange]) -> None:
    merged = merge_ranges(given_ranges)
    assert covered(tuple(given_ranges)) <= covered(merged)
    assert len(merged) <= 100
    assert all(a[1] + 1 < b[0] for a, b in pairwise(merged))
    if len(merged) < 100:
        assert covered(tuple(given_ranges)) == covered(merged)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("aaaatuAcxrR"), max_size=60))
def test_nothing_is_lost_silently(
    tmp_path_factory: pytest.TempPathFactory, moves: list[str]
) -> None:
    """Any history of appending, sending, acknowledging, committing, crashing: each number arrives or is named by a gap."""
    bench = SpoolBench(tmp_path_factory.mktemp("spool"))
    made: list[int] = []
    arrived: list[SpoolItem] = []
    for move in moves:
        if move in "au":
            made += bench.append(1, Rank.UPDATE if move == "u" else Rank.EVENT, 300)
        elif move in "tA":
            taken = bench.take(3)
            arrived += taken
            for item in taken if move == "A" else []:
                bench.spool.ack(item.seq)
        elif move == "c":
            bench.commit()
        elif move == "x":
            bench.crash(max_bytes=3000)
        elif move == "r":
            bench.restart(max_bytes=3000)
        else:
            bench.spool.rewind()
    bench.spool.rewind()
    arrived += bench.take()
    lost = {seq for loss in losses(arrived) for seq in covered(loss.ranges)}
    assert set(made) <= {item.seq for item in arrived} | lost
    bench.spool.close()
