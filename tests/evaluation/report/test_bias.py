"""The bias figures: shares as given, captions computed by hand."""


def test_the_bias_captions_are_computed(workdir, read_page):
  filled, own = read_page(workdir).section("bias").all("figure")
  pool = [25, 25, 50]
  assert filled.numbers() == [60, 30, 10, 10, 90, 0, 20, 50, 30, *pool]
  # (.6 + .9 + .3) / 3 and (.25 + .25 + .5) / 3; en: .9 against .25.
  assert "fill 60 % of the top 10; the pool holds 33 %" in own.caption
  assert "strongest for en: 90 % against 25 %" in own.caption
  # en: (.3 + .9 + .5) / 3 against .25; th: (.1 + 0 + .3) / 3 against .5.
  assert "passages in en stand furthest above" in filled.caption
  assert "(57 % against 25 %), those in th furthest below" in filled.caption
  assert "(13 % against 50 %)" in filled.caption
