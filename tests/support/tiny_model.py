"""GRPO on a tiny random model: enough to see that a trainer takes what it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import warpgen
from warpgen.adapters import trl as adapter

_TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


def tokenizer() -> Any:
    """One of letters, with a template for conversations."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = {chr(code): code - 30 for code in range(32, 127)} | {"[unk]": 0, "[end]": 1}
    plain = Tokenizer(models.WordLevel(letters, unk_token="[unk]"))
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made: Any = PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="[unk]", eos_token="[end]", pad_token="[end]"
    )
    made.chat_template = _TEMPLATE
    return made


def train_two_steps(judge: warpgen.Judge, folder: Path) -> int:
    """The number of steps that were made."""
    from transformers import Qwen2Config, Qwen2ForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    made = tokenizer()
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(made),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
    )
    arguments = GRPOConfig(
        output_dir=str(folder),
        max_steps=2,
        per_device_train_batch_size=2,
        num_generations=2,
        max_completion_length=8,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=adapter.reward(judge),
        args=arguments,
        train_dataset=adapter.prompts(judge),
        processing_class=made,
    )
    trainer.train()
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    assert rewards == [0.0, 0.0], rewards
    return int(trainer.state.global_step)
