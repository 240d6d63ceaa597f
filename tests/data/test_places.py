import random
import tracemalloc

from hybrid_ir.data.places import Places


def test_as_a_dict_has_it():
  draw = random.Random(0)
  places, expected = Places(), {}
  for place in range(20_000):
    key = f"ключ {draw.randrange(8_000)}"
    assert places.first(key, place) == expected.setdefault(key, place)


def test_half_of_a_surrogate_pair_is_a_key():
  places = Places()
  assert places.first("\ud83d", 1) == 1
  assert places.first("\ud83c", 2) == 2
  assert places.first("\ud83d", 3) == 1


def test_it_is_compact():
  tracemalloc.start()
  places = Places()
  for i in range(30_000):
    places.first(f"{i}", i)
  held, _ = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert held < 75 * 30_000
