"""The script: its order, its end, its own way to fail."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from analemma.errors import ProviderRejected, ProviderThrottled
from analemma.hardware.ports import ModelRequest, ModelUsage
from analemma.hardware.providers.scripted import ScriptedProvider


def test_list_is_answered_in_order_and_then_used_up() -> None:
    provider = ScriptedProvider(["one", "two"])
    assert [provider.ask(ModelRequest("?")).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(ProviderRejected, match="2 answers are used up"):
        provider.ask(ModelRequest("?"))


def test_threads_share_out_a_list() -> None:
    script = [f"{number}" for number in range(64)]
    provider = ScriptedProvider(script)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: provider.ask(ModelRequest("?")).text, script)
        assert sorted(answers) == sorted(script)


def test_function_may_fail_as_a_vendor_does() -> None:
    def busy(_: ModelRequest) -> str:
        raise ProviderThrottled("busy", 3.0)

    with pytest.raises(ProviderThrottled):
        ScriptedProvider(busy).ask(ModelRequest("?"))


def test_tokens_are_words_between_white_space() -> None:
    answer = ScriptedProvider(["an  answer,\nof five\twords"]).ask(
        ModelRequest("two words", system="one")
    )
    assert answer.usage == ModelUsage(3, 5, 0)


def test_cut_answer_keeps_its_white_space() -> None:
    answer = ScriptedProvider(["a  b\nc d"]).ask(ModelRequest("?", max_tokens=3))
    assert answer.text == "a  b\nc"


def test_empty_answer_is_an_answer() -> None:
    answer = ScriptedProvider([""]).ask(ModelRequest(""))
    assert (answer.text, answer.usage) == ("", ModelUsage(0, 0, 0))
