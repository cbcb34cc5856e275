"""Who moves up in a queue is told, and nobody else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.asterisk.places import Places
from pbx_bridge.call import events as e
from tests.rooms.tape import tape

A, B, C = (f"pb.call_{letter}.1" for letter in "abc")
STRANGER = "1768197600.7"


def join(leg: str, position: int, queue: str = "support") -> dict[str, str]:
    return {"Event": "QueueCallerJoin", "Queue": queue, "Uniqueid": leg, "Position": str(position)}


def leave(leg: str, queue: str = "support") -> dict[str, str]:
    return {"Event": "QueueCallerLeave", "Queue": queue, "Uniqueid": leg}


def line(*legs: str) -> Places:
    places = Places()
    places.reset(("support", position, leg) for position, leg in enumerate(legs, start=1))
    return places


def test_who_joins_at_the_end_moves_nobody() -> None:
    places = Places()
    assert places.moved(join(A, 1)) == []
    assert places.moved(join(B, 2)) == []


def test_who_leaves_lets_everybody_behind_move_up() -> None:
    assert line(A, B, C).moved(leave(A)) == [e.QueueMoved(B, 1), e.QueueMoved(C, 2)]
    assert line(A, B, C).moved(leave(B)) == [e.QueueMoved(C, 2)]
    assert line(A, B, C).moved(leave(C)) == []


def test_who_joins_with_priority_moves_the_others_back() -> None:
    assert line(A, B).moved(join(C, 1)) == [e.QueueMoved(A, 2), e.QueueMoved(B, 3)]
    assert line(A, B).moved(join(C, 2)) == [e.QueueMoved(B, 3)]


def test_a_caller_who_is_none_of_ours_has_a_place_but_is_not_told() -> None:
    places = line(A, STRANGER, B)
    assert places.moved(leave(A)) == [e.QueueMoved(B, 2)]
    assert places.moved(leave(STRANGER)) == [e.QueueMoved(B, 1)]


def test_queues_do_not_mix() -> None:
    places = line(A, B)
    assert places.moved(leave(A, "sales")) == []
    assert places.moved(join(C, 1, "sales")) == []
    assert places.moved(leave(A)) == [e.QueueMoved(B, 1)]


def test_who_leaves_a_queue_without_having_joined_moves_nobody() -> None:
    assert line(A, B).moved(leave(C)) == []


def test_a_join_without_a_position_is_at_the_end() -> None:
    places = line(A)
    assert places.moved({"Event": "QueueCallerJoin", "Queue": "support", "Uniqueid": B}) == []
    assert places.moved(leave(A)) == [e.QueueMoved(B, 1)]


def test_a_join_that_is_heard_again_after_the_look_moves_nobody() -> None:
    assert line(A, B).moved(join(A, 1)) == []
    assert line(A, B).moved(join(B, 2)) == []


def test_other_events_move_nobody() -> None:
    assert line(A, B).moved({"Event": "QueueCallerAbandon", "Queue": "support", "Uniqueid": A}) == []
    assert line(A, B).moved({}) == []


def test_a_reset_forgets_what_was_before_and_sorts_by_position() -> None:
    places = line(C)
    places.reset([("support", 2, B), ("support", 10, C), ("support", 1, A)])
    assert places.moved(leave(A)) == [e.QueueMoved(B, 1), e.QueueMoved(C, 2)]


def test_the_second_of_a_taped_queue_moves_up() -> None:
    moved = [heard.fact for heard in tape("two_wait").facts() if isinstance(heard.fact, e.QueueMoved)]
    assert moved == [e.QueueMoved(tape("two_wait").leg, 1)]


#: (who, at which position; 0 means that they leave).
walks = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=40)


@settings(deadline=None)
@given(walks)
def test_everybody_knows_their_place_whatever_the_coming_and_going(walk: list[tuple[int, int]]) -> None:
    places, truth, known = Places(), list[str](), dict[str, int]()
    for who, position in walk:
        leg = f"pb.call_{who}.1"
        if position and leg not in truth:
            at = min(position, len(truth) + 1)
            truth.insert(at - 1, leg)
            known[leg] = at
            told = places.moved(join(leg, at))
        elif leg in truth and not position:
            truth.remove(leg)
            told = places.moved(leave(leg))
        else:
            continue
        assert leg not in {moved.leg for moved in told}
        known |= {moved.leg: moved.position for moved in told}
        assert {each: known[each] for each in truth} == {each: at for at, each in enumerate(truth, start=1)}
