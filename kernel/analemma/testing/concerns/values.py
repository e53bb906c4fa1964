"""Values come back equal and of equal type, wherever they stand.

Each is put as a channel, in a list, in a dict and as a task's write. Twins, such
as True after 1, are put one after the other, because a saver that deduplicates
by ``==`` gives back the first.
"""

import math
from collections.abc import Mapping, Sequence

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put, written
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial

KIB = 1024
MIB = 1024 * KIB

TWINS: Sequence[object] = (1, True, 1.0, "1", b"1", 0, False, 0.0, -0.0, "", b"", None)


def numbers_keep_their_types(trial: Trial) -> None:
    """Numbers at the edges of 64 bits, floats and booleans."""
    numbers = (2**63 - 1, -(2**63), 2**64 - 1, 0.1, 5e-324, math.inf, -math.inf, True)
    _expect_back(trial, dict(zip("abcdefgh", numbers, strict=True)))


def nan_comes_back(trial: Trial) -> None:
    """NaN, which is not equal to itself."""
    _expect_back(trial, {"nan": math.nan})


def a_negative_zero_keeps_its_sign(trial: Trial) -> None:
    """-0.0, which is equal to 0.0."""
    _expect_back(trial, {"negative": -0.0, "zero": 0.0})


def empty_values_come_back(trial: Trial) -> None:
    """Empty list, dict, text and bytes, and None."""
    _expect_back(
        trial, {"list": [], "dict": {}, "text": "", "bytes": b"", "none": None}
    )


def nested_empty_values_come_back(trial: Trial) -> None:
    """Empty values inside each other."""
    _expect_back(trial, {"lists": [[], [[]], [{}]], "dicts": {"a": {}, "b": [None]}})


def texts_come_back(trial: Trial) -> None:
    """Zero characters, characters outside the first plane, and line ends."""
    _expect_back(trial, {"zero": "a\0b", "wide": "é🙂\u2028", "ends": "\r\n\n\t "})


def twins_are_told_apart_from_put_to_put(trial: Trial) -> None:
    """One channel that is 1, then True, then 1.0, and so on."""
    opened = trial.open()
    thread_id = trial.thread_id()
    stored: list[Draft] = []
    for value in TWINS:
        values = {"x": value, "listed": [value] * 3, "keyed": {"k": value}}
        stored.append(
            put(opened, thread_id, values, parent=stored[-1] if stored else None)
        )
    fresh = trial.open()
    for value, one in zip(TWINS, stored, strict=True):
        seen = fresh.load(one.config).checkpoint["channel_values"]
        expect_same("the channel", value, seen["x"])
        expect_same("the list", [value] * 3, seen["listed"])
        expect_same("the dict", {"k": value}, seen["keyed"])


def twins_are_told_apart_in_one_value(trial: Trial) -> None:
    """One list, and one dict, that holds 1, True, 1.0 and so on."""
    keyed = {f"{n}": value for n, value in enumerate(TWINS)}
    _expect_back(trial, {"listed": [*TWINS], "keyed": keyed})


def a_tuple_is_what_the_serializer_makes_of_it(trial: Trial) -> None:
    """A tuple put after an equal list, and before, comes back as serialized.

    LangGraph's ``JsonPlusSerializer`` makes a list of it. What a saver makes of
    it must not depend on what was stored before.
    """
    opened = trial.open()
    thread_id = trial.thread_id()
    one = None
    for value in ([1, [2, 3]], (1, (2, 3)), [1, (2, 3)], (1, [2, 3])):
        one = put(opened, thread_id, {"x": value}, parent=one)
        serde = opened.saver.serde
        wanted = serde.loads_typed(serde.dumps_typed(value))
        seen = trial.open().load(one.config).checkpoint["channel_values"]["x"]
        expect_same(f"{value!r} through the store", wanted, seen)


def keys_keep_their_types(trial: Trial) -> None:
    """Keys that are numbers, booleans or None, one dict after the other."""
    opened = trial.open()
    thread_id = trial.thread_id()
    one = None
    for key in (1, True, 1.0, "1", None):
        value = {key: "a value " * 20}
        one = put(opened, thread_id, {"x": value}, parent=one)
        seen = trial.open().load(one.config).checkpoint["channel_values"]["x"]
        expect_same("the dict", value, seen)


def large_texts_come_back(trial: Trial) -> None:
    """Texts of 64 KiB, 400 KB and 1 MiB."""
    sizes = (64 * KIB, 400_000, MIB)
    _expect_back(trial, {f"{size}": "0123456789abcdé" * (size // 16) for size in sizes})


def large_bytes_come_back(trial: Trial) -> None:
    """Bytes of 380,000 to 2 MiB that do not compress, and 1 MiB that does."""
    sizes = (380_000, 400_001, MIB, 2 * MIB)
    noise = {f"{size}": _noise(size) for size in sizes}
    _expect_back(trial, {**noise, "zeros": bytes(MIB)})


def wide_dicts_come_back(trial: Trial) -> None:
    """A dict of 5,000 keys that holds dicts of 5,000 keys."""
    wide: dict[str, object] = {f"key {n}": f"value {n}" for n in range(5_000)}
    _expect_back(trial, {"wide": {**wide, "key 7": {**wide, "key 8": dict(wide)}}})


def long_lists_come_back(trial: Trial) -> None:
    """A list of 5,000 dicts, and one nested 60 deep."""
    deep: list[object] = ["the innermost"]
    for _ in range(60):
        deep = [deep, "beside"]
    _expect_back(trial, {"long": [{"n": n} for n in range(5_000)], "deep": deep})


def many_channels_come_back(trial: Trial) -> None:
    """A checkpoint of 1,000 channels."""
    opened = trial.open()
    values = {f"channel {n}": f"value {n} " * 20 for n in range(1_000)}
    one = put(opened, trial.thread_id(), values)
    seen = trial.open().load(one.config).checkpoint["channel_values"]
    expect_same("the channels", sorted(values.items()), sorted(seen.items()))


def _expect_back(trial: Trial, values: Mapping[str, object]) -> None:
    opened = trial.open()
    channels: dict[str, object] = {
        **values,
        "in a list": list(values.values()),
        "in a dict": dict(values),
    }
    one = put(opened, trial.thread_id(), channels)
    opened.put_writes(one.config, list(channels.items()), "task", pushed(0))
    found = trial.open().load(one.config)
    for name, value in channels.items():
        seen = found.checkpoint["channel_values"].get(name)
        expect_same(f"channel {name!r}", value, seen)
    expect_same("the task's writes", list(channels.items()), written(found, "task"))


def _noise(size: int) -> bytes:
    """Return bytes that repeat nowhere near; the same ones each time."""
    state = 88_172_645_463_325_252
    words = []
    for _ in range(size // 8 + 1):
        state ^= (state << 13) & 0xFFFF_FFFF_FFFF_FFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFF_FFFF_FFFF_FFFF
        words.append(state.to_bytes(8, "big"))
    return b"".join(words)[:size]


CHECKS = Concern(
    "values",
    (
        numbers_keep_their_types,
        nan_comes_back,
        a_negative_zero_keeps_its_sign,
        empty_values_come_back,
        nested_empty_values_come_back,
        texts_come_back,
        twins_are_told_apart_from_put_to_put,
        twins_are_told_apart_in_one_value,
        a_tuple_is_what_the_serializer_makes_of_it,
        keys_keep_their_types,
        large_texts_come_back,
        large_bytes_come_back,
        wide_dicts_come_back,
        long_lists_come_back,
        many_channels_come_back,
    ),
)
