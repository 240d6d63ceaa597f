"""sentence-transformers' side of a comparison. To `training` and `encoding`.

Imported late, for the scripts' --help needs nothing of the extra `bench`.
"""

import tempfile
import time

import numpy as np
from ours import LENGTH

from hybrid_ir.config import Config


def load(folder: str):
  """A SentenceTransformer without dropout, of texts up to LENGTH tokens."""
  import sentence_transformers
  import transformers

  transformers.logging.set_verbosity_error()
  transformers.logging.disable_progress_bar()
  model = sentence_transformers.SentenceTransformer(
    folder,
    device="cpu",
    config_kwargs={
      "hidden_dropout_prob": 0.0,
      "attention_probs_dropout_prob": 0.0,
    },
  )
  model.max_seq_length = LENGTH
  model.model_card_data.generate_widget_examples = False
  return model


class Training:
  """SentenceTransformerTrainer over given pairs, in their order."""

  def __init__(
    self,
    config: Config,
    queries: list[str],
    passages: list[str],
    *,
    bf16: bool,
  ):
    import datasets

    self._config = config
    self._bf16 = bf16
    self._pairs = datasets.Dataset.from_dict(
      {"anchor": queries, "positive": passages}
    )
    self.losses: list[float] = []  # of the last run's steps
    self.real_tokens = 0.0  # their share of what went through the encoder

  def run(self) -> float:
    """Seconds of all steps but the first, from the encoder's weights on.

    The first makes AdamW's moments; it is not counted.
    """
    import sentence_transformers
    import transformers
    from sentence_transformers.sentence_transformer import losses

    model = load(self._config.encoder.path)
    masks: list[np.ndarray] = []
    model[0].register_forward_pre_hook(
      lambda _, inputs: masks.append(inputs[0]["attention_mask"].numpy())
    )
    ends: list[float] = []

    class Clock(transformers.TrainerCallback):
      def on_step_end(self, *_, **__):
        ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
      trainer = sentence_transformers.SentenceTransformerTrainer(
        model=model,
        args=self._arguments(folder),
        train_dataset=self._pairs,
        loss=losses.MultipleNegativesRankingLoss(
          model, scale=1 / self._config.loss.temperature
        ),
        callbacks=[Clock()],
      )
      trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
      trainer.train()
    history = trainer.state.log_history
    self.losses = [line["loss"] for line in history if "loss" in line]
    real, all_ = sum(m.sum() for m in masks), sum(m.size for m in masks)
    self.real_tokens = float(real / all_)
    return ends[-1] - ends[0]

  def _arguments(self, folder: str):
    """The config's optimizer, and nothing else done between steps."""
    import sentence_transformers

    optimizer = self._config.optimizer
    return sentence_transformers.SentenceTransformerTrainingArguments(
      folder,
      per_device_train_batch_size=self._config.train.batch_size,
      num_train_epochs=1,
      batch_sampler=_in_order,
      learning_rate=optimizer.learning_rate,
      lr_scheduler_type="constant",
      weight_decay=optimizer.weight_decay,
      adam_beta1=optimizer.beta1,
      adam_beta2=optimizer.beta2,
      adam_epsilon=optimizer.epsilon,
      max_grad_norm=0,
      bf16=self._bf16,
      use_cpu=True,
      dataloader_pin_memory=False,
      logging_steps=1,
      save_strategy="no",
      report_to="none",
      disable_tqdm=True,
    )


def _in_order(dataset, batch_size, drop_last, **_):
  """The batch sampler that leaves pairs where they stand."""
  import torch.utils.data
  from sentence_transformers.base.sampler import DefaultBatchSampler

  in_order = torch.utils.data.SequentialSampler(dataset)
  return DefaultBatchSampler(
    in_order, batch_size=batch_size, drop_last=drop_last
  )
