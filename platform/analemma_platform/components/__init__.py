"""The three layers as Pulumi components, named like the kernel's folders."""

from analemma_platform.components.hardware import Hardware
from analemma_platform.components.kernel_space import KernelSpace
from analemma_platform.components.scope import Scope
from analemma_platform.components.user_space import UserSpace

__all__ = ["Hardware", "KernelSpace", "Scope", "UserSpace"]
