"""The emulated AWS: one process on 127.0.0.1, without Docker.

It is ministack 1.5.33 with its Step Functions interpreter and its Lambda
executor replaced by ours (see docs/adr/0005). Deployed definitions are really
interpreted and deployed zips really executed, each in a process of its own that
sees nothing but the standard library and the zip. Everything is kept in memory.
"""

from analemma_platform.emulator.daemon import RunningEmulator, start, status, stop

__all__ = ["RunningEmulator", "start", "status", "stop"]
