"""What a Pulumi program takes for its engine.

The SDK calls a gRPC stub; any object with the same methods will do, so this one
is called in process, from the SDK's executor threads, several at once. Only the
program's callbacks (transforms) really cross a socket.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from analemma_platform.engine.aliases import former_urns
from analemma_platform.engine.failures import (
    DeploymentFailed,
    Interrupted,
    Unsupported,
)
from analemma_platform.engine.goal import read_goal
from analemma_platform.engine.halt import Halt
from analemma_platform.engine.ledger import Ledger
from analemma_platform.engine.plan import Op, Step
from analemma_platform.engine.provider_registry import ProviderRegistry
from analemma_platform.engine.pulumi_compat import (
    callback_pb2,
    empty_pb2,
    engine_pb2,
    resource_pb2,
)
from analemma_platform.engine.redaction import Redactor
from analemma_platform.engine.state import ResourceState
from analemma_platform.engine.step_log import StepLog
from analemma_platform.engine.steps import Stepper
from analemma_platform.engine.transforms import Transforms
from analemma_platform.engine.urns import (
    STACK_REFERENCE_TYPE,
    STACK_TYPE,
    Namespace,
    Urn,
)
from analemma_platform.engine.values import (
    Properties,
    is_unknown,
    mark_secrets,
    plain_properties,
    secret_names,
)
from analemma_platform.engine.wire import from_struct, to_struct

_FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    # Announced only so that asking for one is refused here, by its name; the
    # SDK would otherwise tell the reader to upgrade a CLI that is not there.
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
)

StackOutputs = Callable[[str], tuple[Properties, frozenset[str]]]
"""Returns the outputs of a stack, ``organization/project/stack``, and which of
them are secret. Raises ``Rejected`` if there is no such stack."""

_GET_RESOURCE = "pulumi:pulumi:getResource"


class Monitor:
    """Answers one run of a program. Methods are named after Pulumi's RPCs."""

    def __init__(
        self,
        *,
        namespace: Namespace,
        directory: Path,
        ledger: Ledger,
        providers: ProviderRegistry,
        stepper: Stepper,
        log: StepLog,
        redactor: Redactor,
        halt: Halt,
        stack_outputs: StackOutputs,
        preview: bool,
    ) -> None:
        self._namespace = namespace
        self._directory = directory
        self._ledger = ledger
        self._providers = providers
        self._stepper = stepper
        self._log = log
        self._redactor = redactor
        self._halt = halt
        self._stack_outputs = stack_outputs
        self._preview = preview
        self._transforms = Transforms()

    def GetDeploymentInfo(  # noqa: N802 - the name of Pulumi's RPC
        self, _request: empty_pb2.Empty
    ) -> resource_pb2.DeploymentInfo:
        """Say what this engine can do; without output values inputs stay plain."""
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SupportsFeature(  # noqa: N802 - the name of Pulumi's RPC
        self, _request: resource_pb2.SupportsFeatureRequest
    ) -> resource_pb2.SupportsFeatureResponse:
        """Answer older SDKs, which ask before ``GetDeploymentInfo`` existed."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Make a resource as the program wants it."""
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=self._namespace.root())
        with self._guard():
            request = self._transforms.apply(request)
            urn = self._namespace.urn(request.parent, request.type, request.name)
            self._transforms.remember(urn, request)
            aliases = former_urns(
                self._namespace,
                urn,
                request.type,
                request.parent,
                request.aliases,
                self._ledger.found_as(request.parent),
            )
            goal = read_goal(request, urn, aliases, self._directory, self._redactor)
            made = self._stepper.register(goal)
            return resource_pb2.RegisterResourceResponse(
                urn=urn, id=made.id, object=to_struct(_marked(made))
            )

    def RegisterResourceOutputs(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Take the outputs of a component or of the stack."""
        with self._guard():
            wire = from_struct(request.outputs)
            secrets = secret_names(wire)
            for name in secrets:
                self._redactor.learn(wire[name])
            outputs = plain_properties(wire)
            if request.urn == self._namespace.root():
                self._ledger.give_stack_outputs(outputs, secrets)
            else:
                self._ledger.give_outputs(request.urn, outputs, secrets)
        return empty_pb2.Empty()

    def ReadResource(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Read what somebody else made: ``Resource.get``, ``StackReference``."""
        urn = self._namespace.urn(request.parent, request.type, request.name)
        with self._guard():
            if request.type == STACK_REFERENCE_TYPE:
                return self._read_stack(urn, request.id)
            made = self._read(urn, request)
            return resource_pb2.ReadResourceResponse(
                urn=urn, id=made.id, properties=to_struct(_marked(made))
            )

    def Invoke(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Call a function of a provider."""
        with self._guard():
            request = self._transforms.apply_to_invoke(request)
            args = plain_properties(from_struct(request.args))
            if request.tok == _GET_RESOURCE:
                answer = self._known_resource(str(args.get("urn")))
            else:
                reference = self._providers.reference(request.provider, request.tok)
                answer = self._providers.of(reference).invoke(request.tok, args)
            response = resource_pb2.ResourceInvokeResponse()
            getattr(response, "return").CopyFrom(to_struct(answer))
            return response

    def RegisterStackTransform(  # noqa: N802 - the name of Pulumi's RPC
        self, request: callback_pb2.Callback
    ) -> empty_pb2.Empty:
        """Transform every resource registered from now on."""
        self._transforms.add_for_stack(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(  # noqa: N802 - the name of Pulumi's RPC
        self, request: callback_pb2.Callback
    ) -> empty_pb2.Empty:
        """Transform every function call from now on."""
        self._transforms.add_for_invokes(request)
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(  # noqa: N802 - the name of Pulumi's RPC
        self, _request: empty_pb2.Empty
    ) -> empty_pb2.Empty:
        """Let the program end; deletions need nothing of it."""
        return empty_pb2.Empty()

    def RegisterPackage(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.RegisterPackageRequest
    ) -> resource_pb2.RegisterPackageResponse:
        """Refuse a parameterized package."""
        with self._guard():
            raise _unknown(f"the parameterized package {request.name!r}")

    def RegisterResourceHook(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.RegisterResourceHookRequest
    ) -> empty_pb2.Empty:
        """Refuse a resource hook."""
        with self._guard():
            raise _unknown(f"the resource hook {request.name!r}")

    def RegisterErrorHook(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.RegisterErrorHookRequest
    ) -> empty_pb2.Empty:
        """Refuse an error hook."""
        with self._guard():
            raise _unknown(f"the error hook {request.name!r}")

    def Call(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.ResourceCallRequest
    ) -> empty_pb2.Empty:
        """Refuse a method call on a remote component."""
        with self._guard():
            raise _unknown(f"the method {request.tok!r}")

    def ExistsResource(  # noqa: N802 - the name of Pulumi's RPC
        self, request: resource_pb2.ExistsResourceRequest
    ) -> resource_pb2.ExistsResourceResponse:
        """Tell whether a resource of that id exists in the cloud."""
        with self._guard():
            reference = self._providers.reference(request.provider, request.type)
            urn = self._namespace.urn(request.parent, request.type, "exists")
            found = self._providers.of(reference).read(urn, request.id, {})
            return resource_pb2.ExistsResourceResponse(exists=found is not None)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        self._halt.check()
        try:
            yield
        except BaseException as error:
            self._halt.because(error)
            if isinstance(error, Exception):
                raise
            # The SDK settles its futures for an Exception only; anything else
            # would leave the program waiting for ever.
            raise Interrupted(str(error) or type(error).__name__) from error

    def _read_stack(self, urn: Urn, name: str) -> resource_pb2.ReadResourceResponse:
        outputs, secrets = self._stack_outputs(name)
        for secret in secrets:
            self._redactor.learn(outputs.get(secret))
        answer: Properties = {
            "name": name,
            "outputs": mark_secrets(outputs, secrets),
            "secretOutputNames": [*sorted(secrets)],
        }
        return resource_pb2.ReadResourceResponse(
            urn=urn, id=name, properties=to_struct(answer)
        )

    def _read(
        self, urn: Urn, request: resource_pb2.ReadResourceRequest
    ) -> ResourceState:
        reference = self._providers.reference(request.provider, request.type)
        hints = plain_properties(from_struct(request.properties))
        outputs: Properties | None = hints
        if not is_unknown(request.id):
            outputs = self._providers.of(reference).read(urn, request.id, hints)
        if outputs is None:
            raise DeploymentFailed(f"{urn}: there is no {request.type} {request.id!r}")
        claim = self._ledger.claim(urn)
        made = ResourceState(
            urn=urn,
            type=request.type,
            custom=True,
            id="" if is_unknown(request.id) else request.id,
            parent=request.parent,
            provider=reference,
            outputs=outputs,
            secret_outputs=frozenset(request.additionalSecretOutputs),
            dependencies=tuple(request.dependencies),
            external=True,
        )
        self._ledger.finish(made, claim.old)
        self._log.note(Step(Op.READ, urn, request.type, request.name))
        return made

    def _known_resource(self, urn: str) -> Properties:
        found = self._ledger.get(urn)
        if found is None:
            raise DeploymentFailed(f"{urn} is no resource of this stack")
        return {"urn": urn, "id": found.id, "state": _marked(found)}


class Diagnostics:
    """Takes what the program says through ``pulumi.log``."""

    def __init__(self, say: Callable[[str, str], None], redactor: Redactor) -> None:
        self._say = say
        self._redactor = redactor

    def Log(  # noqa: N802 - the name of Pulumi's RPC
        self, request: engine_pb2.LogRequest
    ) -> empty_pb2.Empty:
        """Pass one message on, without secrets; the SDK's own debugging is not."""
        if request.severity != engine_pb2.DEBUG:
            severity = engine_pb2.LogSeverity.Name(request.severity).lower()
            self._say(severity, self._redactor.redact(request.message))
        return empty_pb2.Empty()

    def RequirePulumiVersion(  # noqa: N802 - the name of Pulumi's RPC
        self, _request: engine_pb2.RequirePulumiVersionRequest
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Accept: there is no CLI whose version could be wrong."""
        return engine_pb2.RequirePulumiVersionResponse()


def _marked(resource: ResourceState) -> Properties:
    return mark_secrets(resource.outputs, resource.secret_outputs)


def _unknown(what: str) -> Unsupported:
    return Unsupported(f"the embedded cloud does not know {what}")
