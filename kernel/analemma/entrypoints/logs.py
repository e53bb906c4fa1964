"""Set structlog up, once per process: JSON in Lambda, short lines at a desk.

Events are constant, past-tense sentences with facts as keys. Never logged:
channel values, prompts, answers, task tokens.
"""

import logging
import sys

import structlog

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


# LangGraph says of every type of a graph's state that it does not know it, each
# time it is first read. Whoever runs a graph has chosen its types.
_LANGGRAPH_SERDE = "langgraph.checkpoint.serde.jsonplus"


def log_as_json() -> None:
    """Write every event as one line of JSON to standard error."""
    logging.getLogger(_LANGGRAPH_SERDE).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def log_for_people(*, verbose: bool) -> None:
    """Write errors (``verbose``: everything) to standard error, readable.

    What a command has to say, it prints; the log is for looking closer.
    """
    logging.getLogger(_LANGGRAPH_SERDE).setLevel(logging.ERROR)
    level = logging.INFO if verbose else logging.ERROR
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
