"""What the pool knows about a deployed function, and its unpacked code."""

import base64
import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from analemma_platform.emulator import seams


@dataclass(frozen=True, slots=True)
class DeployedFunction:
    """One version of a function as it is deployed now.

    ``code_digest`` is the hexadecimal SHA-256 of the zip. ``variables`` are the
    function's environment, sorted.
    """

    name: str
    arn: str
    version: str
    handler: str
    runtime: str
    code_digest: str
    variables: tuple[tuple[str, str], ...]
    timeout_seconds: float
    memory_mb: int
    log_group: str
    code: bytes = field(repr=False, compare=False)

    @property
    def region(self) -> str:
        """The region the function is deployed in."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account the function is deployed in; 12 digits."""
        return self.arn.split(":")[4]

    @property
    def key(self) -> str:
        """What two deployments share if a worker of one can serve the other."""
        parts = (
            self.arn,
            self.version,
            self.handler,
            self.code_digest,
            self.variables,
            self.memory_mb,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def deployed(function: seams.Record, config: seams.Record) -> DeployedFunction:
    """Return the function that ministack's records describe."""
    name, version = str(config["FunctionName"]), str(config.get("Version", "$LATEST"))
    variables = (config.get("Environment") or {}).get("Variables") or {}
    logging = config.get("LoggingConfig") or {}
    return DeployedFunction(
        name=name,
        arn=str(config["FunctionArn"]),
        version=version,
        handler=str(config.get("Handler", "")),
        runtime=str(config.get("Runtime", "")),
        code_digest=base64.b64decode(config.get("CodeSha256", "")).hex(),
        variables=tuple(sorted((str(k), str(v)) for k, v in variables.items())),
        timeout_seconds=float(config.get("Timeout", 3)),
        memory_mb=int(config.get("MemorySize", 128)),
        log_group=str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
        code=function.get("code_zip") or b"",
    )


def unpacked(function: DeployedFunction, cache: Path) -> Path:
    """Return the directory of the function's code, unpacking it if need be.

    Safe to call from many threads and processes: a directory under its digest
    is complete from the moment it is there.
    """
    home = cache / function.code_digest
    if home.is_dir():
        return home
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=cache, prefix=".unpacking-"))
    with zipfile.ZipFile(io.BytesIO(function.code)) as archive:
        for entry in archive.infolist():
            target = Path(archive.extract(entry, draft))
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():
                target.chmod(mode)  # what ``extract`` forgets
    try:
        draft.rename(home)
    except OSError:
        if not home.is_dir():
            raise
        shutil.rmtree(draft)  # somebody else was faster
    return home
