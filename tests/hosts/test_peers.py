import socket
import time

import pytest

from hybrid_ir.hosts.peers import Peer, dead, late
from hybrid_ir.hosts.progress import Progress
from hybrid_ir.hosts.wire import Wire


@pytest.fixture
def lost():
  wire = Wire(socket.socketpair()[0])
  wire.close()
  return wire


def judge(*peers, hub=True):
  return dead(peers, 1000.0, 10, hub)


def test_who_beats_is_alive():
  assert judge(Peer("process 1", 990.0), Peer("process 2", 999.0)) == ""


def test_silence_is_late():
  line = judge(Peer("process 1", 999.0), Peer("process 2 (b)", 989.0))
  assert "process 2 (b) has shown no sign of life since" in line
  assert "'mesh.timeout_s'" in line
  assert "process 1" not in line


def test_silence_is_late_after_the_last_step_too():
  assert judge(Peer("process 1", 989.0, left="done"))


def test_a_lost_connection(lost):
  gone = Peer("process 1 (a)", 999.0, wire=lost)
  assert "process 1 (a) ended without a word" in judge(gone)
  gone.left = "failed"
  assert "process 1 (a) stopped with an error" in judge(gone)


def test_who_is_done_may_go_but_not_process_0(lost):
  done = Peer("process", 0.0, left="done", wire=lost)
  assert judge(done, hub=True) == ""
  assert "ended without a word" in judge(done, hub=False)


def at(turn, work=0, waits=False, name="a barrier"):
  return Progress(turn, work, waits, name)


def late_at(moments, *peers):
  """What is said of them at each moment, 10 s being too long."""
  return [late(peers, moment, 10) for moment in moments]


@pytest.mark.parametrize(
  ("progress", "left", "is_late"),
  [
    (at(4), "", True),
    (at(5), "", False),  # all at one turn: they compile, or save
    (at(4, waits=True), "", False),  # for a user
    (at(4), "failed", False),  # leaves, with an error of its own
  ],
)
def test_late_is_who_does_nothing_behind_the_others(progress, left, is_late):
  peer = Peer("process 1 (a)", 1000.0, progress=progress, left=left)
  others = [
    Peer(f"process {i}", 1000.0, progress=at(5, name="index encoded"))
    for i in (0, 2)
  ]
  lines = late_at((1000.0, 1010.0, 1011.0), others[0], peer, others[1])
  assert lines[:2] == ["", ""]
  assert bool(lines[2]) == is_late
  if is_late:
    said = "process 1 (a) has been at 'a barrier' and done nothing since"
    assert said in lines[2]
    assert "others are at 'index encoded' (turn 4, others 5)" in lines[2]
    assert "'mesh.timeout_s'" in lines[2]


def test_who_works_is_not_late_however_long_it_takes():
  ahead = Peer("process 0", 1000.0, progress=at(5))
  peer = Peer("process 1", 1000.0, progress=at(4))
  for moment in range(1000, 1100, 10):
    assert late([ahead, peer], float(moment), 10) == ""
    peer.tell(at(4, work=moment))
  assert late_at((1100.0, 1110.0, 1111.0), ahead, peer)[:2] == ["", ""]
  peer.tell(at(4, work=1090))  # says the same again: no work
  assert "process 1 has been at" in late([ahead, peer], 1111.0, 10)


def test_who_is_waited_for_is_late_and_not_who_waits_behind_others():
  """The third has not gone on to where the first is, for want of the second."""
  first, second, third = (
    Peer(f"process {i}", 1000.0, progress=at(turn))
    for i, turn in enumerate((7, 5, 6))
  )
  *_, line = late_at((1000.0, 1011.0), first, third, second)
  assert line.startswith("process 1 ")
  second.tell(at(5, work=1))
  third.tell(at(6))
  assert late_at((1012.0, 1020.0), first, third, second) == ["", ""]
  second.tell(at(7))
  assert late_at((1021.0, 1030.0), first, third, second) == ["", ""]
  assert late([first, third, second], 1032.0, 10).startswith("process 2 ")


def test_who_has_left_waits_for_the_others():
  done = Peer("process 0", 1000.0, progress=at(3), left="done")
  peer = Peer("process 1", 1000.0, progress=at(3))
  lines = late_at((1000.0, 1010.0, 1011.0), done, peer)
  assert lines[:2] == ["", ""]
  assert "process 1 has been at 'a barrier' and done nothing" in lines[2]
  assert "while others have left" in lines[2]
  peer.left = "done"
  assert late([done, peer], 2000.0, 10) == ""


def test_nobody_is_late_after_a_long_step():
  """The first to begin the next step is ahead of the others but since then."""
  peers = [Peer(f"process {i}", 1000.0, progress=at(4)) for i in range(3)]
  assert late(peers, 1000.0, 10) == ""
  peers[0].tell(at(5))
  assert late(peers, 5000.0, 10) == ""


def test_the_line_tells_the_time_of_day():
  now = time.monotonic()
  line = dead([Peer("process 1", now - 3600)], now, 10, hub=True)
  hour_ago = time.time() - 3600
  times = [
    time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(hour_ago + shift))
    for shift in (-2, -1, 0, 1)
  ]
  assert any(moment in line for moment in times)
