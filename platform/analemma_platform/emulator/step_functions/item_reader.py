"""Where a Map's items come from."""

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.definition import ItemReader, MapState
from analemma_platform.emulator.step_functions.failures import (
    ExecutionBroken,
    StateFailed,
    require_size,
)
from analemma_platform.emulator.step_functions.json_values import Json
from analemma_platform.emulator.step_functions.paths import parse_path, read
from analemma_platform.emulator.step_functions.templates import fill

_FAILED = "States.ItemReaderFailed"


def items_in_input(state: MapState, effective: Json, context: Json) -> list[Json]:
    """Return the array that ``ItemsPath`` names.

    Raises:
        ExecutionBroken: there is none.
    """
    items = read(parse_path(state.items_path), effective, context)
    if not isinstance(items, list):
        raise ExecutionBroken(
            f'Reference path "{state.items_path}" must point to array.'
        )
    return items


def items_in_store(reader: ItemReader, effective: Json, context: Json) -> list[Json]:
    """Return the items that the reader's object holds.

    Raises:
        StateFailed: ``States.ItemReaderFailed``, when the object is not there
            or holds no array.
    """
    config = reader.reader_config
    request: seams.Record = {
        "Resource": reader.resource,
        "Parameters": fill(reader.parameters, effective, context),
        "ReaderConfig": (
            config.model_dump(by_alias=True, exclude_unset=True) if config else {}
        ),
    }
    try:
        items = seams.read_items(request)
    except (LookupError, TypeError, ValueError) as error:
        raise StateFailed(
            _FAILED, f"The item reader's object is unusable: {error}"
        ) from error
    except seams.IntegrationFailed as error:
        raise StateFailed(_FAILED, error.cause) from error
    if not isinstance(items, list):
        raise StateFailed(_FAILED, "Attempting to map over non-iterable node.")
    return items


def child_input(
    state: MapState, index: int, item: Json, effective: Json, context: dict[str, Json]
) -> Json:
    """Return what one iteration starts with.

    Raises:
        StateFailed: the selector does not fit, or its result is too large.
    """
    if "item_selector" not in state.model_fields_set:
        return item
    chosen: dict[str, Json] = {
        **context,
        "Map": {"Item": {"Index": index, "Value": item}},
    }
    selected = fill(state.item_selector, effective, chosen)
    require_size(selected, "ItemSelector")
    return selected
