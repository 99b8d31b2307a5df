"""The index of the waiting messages, beside a plain dict."""

from hypothesis import given
from hypothesis import strategies as st

from edged.messaging.spool.index import MessageIndex
from edged.messaging.spool.item import Rank

Message = tuple[Rank, int, int]

steps = st.lists(
    st.tuples(st.booleans(), st.integers(0, 300), st.sampled_from(Rank), st.integers(0, 50)),
    max_size=300,
)


def check(index: MessageIndex, model: dict[int, Message]) -> None:
    seqs = sorted(model)
    assert index.count == len(seqs)
    assert index.size_bytes == sum(size for _, size, _ in model.values())
    assert list(index.iterate_after(-1)) == seqs
    assert list(index.iterate_after(150)) == [seq for seq in seqs if seq > 150]
    assert index.first_seq == (seqs[0] if seqs else None)
    assert index.first_created_ns == (model[seqs[0]][2] if seqs else None)
    for rank in Rank:
        sizes = [(seq, model[seq][1]) for seq in seqs if model[seq][0] is rank]
        assert list(index.iterate_sizes(rank)) == sizes
    old = [(seq, model[seq][1]) for seq in seqs if model[seq][2] < 25]
    assert index.list_created_before(25) == [(s, n) for s, n in old if model[s][0] is not Rank.GAP]
    for seq in range(300):
        assert (seq in index) == (seq in model)
        assert index.read_rank(seq) == (model[seq][0] if seq in model else None)
        assert index.read_size(seq) == (model[seq][1] if seq in model else 0)


@given(steps)
def test_adding_and_removing_in_any_order(moves: list[tuple[bool, int, Rank, int]]) -> None:
    index, model = MessageIndex(), dict[int, Message]()
    for is_added, seq, rank, number in moves:
        if is_added and seq not in model:
            index.add(seq, rank, number, number)
            model[seq] = (rank, number, number)
        elif not is_added:
            size = index.remove(seq)
            assert size == (model.pop(seq)[1] if seq in model else None)
    check(index, model)


def test_a_long_queue_that_moves_on_stays_small() -> None:
    index = MessageIndex()
    for seq in range(20_000):
        index.add(seq, Rank.EVENT, 1, seq)
        if seq >= 100:
            assert index.remove(seq - 100) == 1
    assert list(index.iterate_after(-1)) == list(range(19_900, 20_000))
    assert len(index._seqs) < 400


def test_removing_every_second_message_of_a_long_queue() -> None:
    index, model = MessageIndex(), dict[int, Message]()
    for seq in range(300):
        index.add(seq, Rank(seq % 3), seq, seq)
        model[seq] = (Rank(seq % 3), seq, seq)
    for seq in [*range(1, 300, 2), *range(0, 300, 6)]:
        if model.pop(seq, None) is not None:
            index.remove(seq)
    check(index, model)
