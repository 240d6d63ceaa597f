from hybrid_ir.evaluation.bitext import from_bitext


def test_each_line_is_the_others_gold(tmp_path):
  (tmp_path / "tatoeba.deu-eng.deu").write_text("Es regnet.\nWer?\n")
  (tmp_path / "tatoeba.deu-eng.eng").write_text("It rains.\nWho?\n")
  benchmark = from_bitext("bitext_deu_eng", "deu-eng", str(tmp_path))
  assert benchmark.unit == "sentence"
  assert benchmark.settings == ("cross",)
  assert benchmark.query_ids == ("de:1", "de:2", "en:1", "en:2")
  assert benchmark.passage_ids == ("en:2", "en:1", "de:2", "de:1")
  assert benchmark.passage_texts == ("Who?", "It rains.", "Wer?", "Es regnet.")
  assert benchmark.gold_offsets.tolist() == [0, 1, 2, 3, 4]
  assert benchmark.gold_passages.tolist() == [1, 0, 3, 2]


def test_one_sentence_in_both_languages_is_two_candidates(tmp_path):
  (tmp_path / "de-en.de").write_text("Oslo!\nOslo!\n")
  (tmp_path / "de-en.en").write_text("Oslo!\nOh, Oslo!\n")
  benchmark = from_bitext("bitext_de_en", "de-en", str(tmp_path))
  assert len(benchmark.passage_ids) == 4
  assert len(benchmark.distinct_texts) == 2
  assert benchmark.gold_passages.tolist() == [1, 0, 3, 2]
