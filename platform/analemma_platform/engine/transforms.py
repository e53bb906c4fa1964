"""Run the program's transforms on what it is about to register.

A transform is a function in the program, called back over gRPC with the
properties and options, which it may replace. A resource's own run first, then
its parents', nearest first, then the stack's, as in Pulumi's engine.
"""

import threading

from analemma_platform.engine.pulumi_compat import (
    callback_pb2,
    invoke_callback,
    resource_pb2,
)

_SAME_NAMES = (
    ("version", "version"),
    ("plugin_download_url", "pluginDownloadURL"),
    ("deleted_with", "deletedWith"),
    ("provider", "provider"),
)
_SAME_LISTS = (
    ("depends_on", "dependencies"),
    ("ignore_changes", "ignoreChanges"),
    ("replace_on_changes", "replaceOnChanges"),
    ("aliases", "aliases"),
    ("additional_secret_outputs", "additionalSecretOutputs"),
)


class Transforms:
    """The transforms of one run. Called from several threads at once."""

    __slots__ = ("_invoke", "_lock", "_of_urn", "_parents", "_stack")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack: list[callback_pb2.Callback] = []
        self._invoke: list[callback_pb2.Callback] = []
        self._of_urn: dict[str, tuple[callback_pb2.Callback, ...]] = {}
        self._parents: dict[str, str] = {}

    def add_for_stack(self, callback: callback_pb2.Callback) -> None:
        """Apply ``callback`` to every resource registered from now on."""
        with self._lock:
            self._stack.append(callback)

    def add_for_invokes(self, callback: callback_pb2.Callback) -> None:
        """Apply ``callback`` to every function call from now on."""
        with self._lock:
            self._invoke.append(callback)

    def remember(self, urn: str, request: resource_pb2.RegisterResourceRequest) -> None:
        """Let the children of ``urn`` be transformed as it was."""
        with self._lock:
            self._of_urn[urn] = tuple(request.transforms)
            self._parents[urn] = request.parent

    def apply(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceRequest:
        """Return ``request`` as the transforms want it.

        Raises:
            grpc.RpcError: a transform raised.
        """
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in self._chain(request):
            answer = resource_pb2.TransformResponse.FromString(
                invoke_callback(callback, _transform_request(changed))
            )
            _take(answer, changed)
        return changed

    def apply_to_invoke(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeRequest:
        """Return the call ``request`` as the invoke transforms want it."""
        changed = resource_pb2.ResourceInvokeRequest()
        changed.CopyFrom(request)
        with self._lock:
            callbacks = tuple(self._invoke)
        for callback in callbacks:
            asked = resource_pb2.TransformInvokeRequest(
                token=changed.tok,
                args=changed.args,
                options=resource_pb2.TransformInvokeOptions(provider=changed.provider),
            )
            answer = resource_pb2.TransformInvokeResponse.FromString(
                invoke_callback(callback, asked.SerializeToString())
            )
            changed.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                changed.provider = answer.options.provider
        return changed

    def _chain(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> tuple[callback_pb2.Callback, ...]:
        with self._lock:
            chain = list(request.transforms)
            above = request.parent
            while above:
                chain.extend(self._of_urn.get(above, ()))
                above = self._parents.get(above, "")
            return (*chain, *self._stack)


def _transform_request(request: resource_pb2.RegisterResourceRequest) -> bytes:
    options = resource_pb2.TransformResourceOptions(providers=dict(request.providers))
    for theirs, ours in _SAME_NAMES:
        setattr(options, theirs, getattr(request, ours))
    for theirs, ours in _SAME_LISTS:
        getattr(options, theirs).extend(getattr(request, ours))
    if request.HasField("protect"):
        options.protect = request.protect
    if request.HasField("retainOnDelete"):
        options.retain_on_delete = request.retainOnDelete
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    asked = resource_pb2.TransformRequest(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=request.object,
        options=options,
    )
    return bytes(asked.SerializeToString())


def _take(
    answer: resource_pb2.TransformResponse,
    request: resource_pb2.RegisterResourceRequest,
) -> None:
    request.object.CopyFrom(answer.properties)
    if not answer.HasField("options"):
        return
    options = answer.options
    for theirs, ours in _SAME_NAMES:
        setattr(request, ours, getattr(options, theirs))
    for theirs, ours in _SAME_LISTS:
        listed = getattr(request, ours)
        del listed[:]
        listed.extend(getattr(options, theirs))
    # An option that is not in the answer was taken off by the transform.
    request.ClearField("protect")
    if options.HasField("protect"):
        request.protect = options.protect
    request.ClearField("retainOnDelete")
    if options.HasField("retain_on_delete"):
        request.retainOnDelete = options.retain_on_delete
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
