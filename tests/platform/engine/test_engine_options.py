"""Resource options and the other calls a program may make."""

from collections.abc import Callable

import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2

from analemma.errors import AnalemmaError
from analemma_platform.engine.failures import DeploymentFailed, Unsupported
from analemma_platform.engine.values import Properties
from engine_shelf import Box, Crate, Workshop, changes_of, ops


def options(**chosen: object) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(**chosen)  # type: ignore[arg-type] # by keyword


def box(
    logical: str, opts: pulumi.ResourceOptions | None = None, /, **props: object
) -> Callable[[], None]:
    """A program of one box."""
    return lambda: Box(logical, opts, **props) and None


def test_ignored_changes_are_no_changes(workshop: Workshop) -> None:
    ignoring = options(ignore_changes=["label", "labels.owner"])
    workshop.engine(
        box("b", ignoring, label="one", labels={"owner": "a", "team": "x"})
    ).up()
    result = workshop.engine(
        box("b", ignoring, label="two", labels={"owner": "b", "team": "x"})
    ).up()
    assert changes_of(result) == {}
    result = workshop.engine(
        box("b", ignoring, label="two", labels={"owner": "b", "team": "y"})
    ).up()
    assert changes_of(result) == {"b": "update"}
    (found,) = workshop.shelf.boxes.values()
    assert found["labels"] == {"owner": "a", "team": "y"}
    assert found["label"] == "one"


def test_a_change_of_a_chosen_property_replaces(workshop: Workshop) -> None:
    replacing = options(replace_on_changes=["label"])
    workshop.engine(box("b", replacing, label="one")).up()
    result = workshop.engine(box("b", replacing, label="two")).up()
    assert [step.op.value for step in result.steps] == ["replace", "delete"]


def test_delete_before_replace_can_be_asked_for(workshop: Workshop) -> None:
    workshop.engine(box("b", colour="red")).up()
    workshop.shelf.calls.clear()
    workshop.engine(box("b", options(delete_before_replace=True), colour="blue")).up()
    assert workshop.shelf.calls == [("delete", "b"), ("create", "b")]


def test_what_is_to_be_retained_leaves_the_state_and_stays_in_the_cloud(
    workshop: Workshop,
) -> None:
    workshop.engine(box("b", options(retain_on_delete=True))).up()
    workshop.engine(lambda: None).up()
    assert len(workshop.shelf.boxes) == 1
    state = workshop.store.read()
    assert state is not None
    assert [r for r in state.resources if r.type == "shelf:index:Box"] == []


def test_what_is_deleted_with_another_needs_no_delete_of_its_own(
    workshop: Workshop,
) -> None:
    def program() -> None:
        house = Box("house")
        Box("guest", options(deleted_with=house))

    workshop.engine(program).up()
    workshop.shelf.calls.clear()
    workshop.engine().destroy()
    assert workshop.shelf.calls == [("delete", "house")]


def test_an_alias_keeps_a_renamed_resource(workshop: Workshop) -> None:
    workshop.engine(box("old", name="n")).up()
    renamed = options(aliases=[pulumi.Alias(name="old")])
    result = workshop.engine(box("new", renamed, name="n")).up()
    assert ops(result) == {"new": "same"}
    assert workshop.engine(box("new", name="n")).up().changes_nothing


def test_an_alias_by_urn_is_one_as_well(workshop: Workshop) -> None:
    workshop.engine(box("old", name="n")).up()
    urn = "urn:pulumi:dev::shop::shelf:index:Box::old"
    result = workshop.engine(box("new", options(aliases=[urn]), name="n")).up()
    assert ops(result) == {"new": "same"}


def test_children_inherit_the_alias_of_their_renamed_and_retyped_parent(
    workshop: Workshop,
) -> None:
    workshop.engine(lambda: Crate("old") and None).up()
    former = pulumi.Alias(name="old", type_="shelf:index:Crate")
    result = workshop.engine(
        lambda: (
            Crate("new", options(aliases=[former]), kind="shelf:index:Chest") and None
        )
    ).up()
    assert ops(result) == {"new": "same", "new-box": "same"}
    assert len(workshop.shelf.boxes) == 1


def test_a_resource_transform_changes_properties_and_options_of_all(
    workshop: Workshop,
) -> None:
    def label_all(
        args: pulumi.ResourceTransformArgs,
    ) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "shelf:index:Box":
            return None
        merged = pulumi.ResourceOptions.merge(args.opts, options(protect=True))
        return pulumi.ResourceTransformResult({**args.props, "label": "t"}, merged)

    def program() -> None:
        pulumi.runtime.register_resource_transform(label_all)
        Box("plain", label="mine")
        Crate("crate")

    workshop.engine(program).up()
    labels = [found["label"] for found in workshop.shelf.boxes.values()]
    assert labels == ["t", "t"]
    state = workshop.store.read()
    assert state is not None
    assert {r.protect for r in state.resources if r.type == "shelf:index:Box"} == {True}
    assert not any(r.protect for r in state.resources if r.type.endswith("Crate"))


def test_a_components_transform_reaches_its_children_and_no_others(
    workshop: Workshop,
) -> None:
    def paint(
        args: pulumi.ResourceTransformArgs,
    ) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "shelf:index:Box":
            return None
        return pulumi.ResourceTransformResult(
            {**args.props, "colour": "gold"}, args.opts
        )

    def program() -> None:
        Crate("crate", options(transforms=[paint]))
        Box("outside")

    workshop.engine(program).up()
    assert sorted(str(f.get("colour")) for f in workshop.shelf.boxes.values()) == [
        "None",
        "gold",
    ]


def test_a_transform_that_raises_fails_the_deployment_with_its_words(
    workshop: Workshop,
) -> None:
    def broken(args: pulumi.ResourceTransformArgs) -> None:
        raise ValueError("the transform tripped")

    def program() -> None:
        pulumi.runtime.register_resource_transform(broken)
        Box("b")

    with pytest.raises(DeploymentFailed, match="the transform tripped"):
        workshop.engine(program).up()
    assert workshop.shelf.boxes == {}


def test_an_invoke_transform_changes_arguments(workshop: Workshop) -> None:
    def more(args: pulumi.InvokeTransformArgs) -> pulumi.InvokeTransformResult:
        return pulumi.InvokeTransformResult({**args.args, "added": 1}, args.opts)

    def program() -> None:
        pulumi.runtime.register_invoke_transform(more)
        answer = pulumi.runtime.invoke_output("shelf:index:count", {"asked": 2})
        pulumi.export("args", answer.apply(lambda found: found["args"]))

    result = workshop.engine(program).up()
    assert result.outputs == {"args": {"asked": 2, "added": 1}}


def test_functions_are_called_in_a_preview_too(workshop: Workshop) -> None:
    counted: list[int] = []

    def program() -> None:
        found = pulumi.runtime.invoke("shelf:index:count", {})
        counted.append(found.value["boxes"])

    workshop.engine(program).preview()
    assert counted == [0]


def test_an_unknown_function_is_named(workshop: Workshop) -> None:
    def program() -> None:
        pulumi.runtime.invoke("shelf:index:weigh", {})

    with pytest.raises(Unsupported, match="shelf:index:weigh"):
        workshop.engine(program).preview()


def test_an_existing_resource_can_be_read_and_is_never_deleted(
    workshop: Workshop,
) -> None:
    workshop.shelf.put({"name": "foreign", "label": "theirs"})

    def program() -> None:
        theirs = Box("theirs", options(id="box-1"))
        pulumi.export("label", theirs.label)

    result = workshop.engine(program).up()
    assert ops(result) == {"theirs": "read"}
    assert result.outputs == {"label": "theirs"}
    workshop.engine().destroy()
    assert workshop.shelf.names() == ["foreign"]


def test_reading_what_is_not_there_fails(workshop: Workshop) -> None:
    with pytest.raises(DeploymentFailed, match="no shelf:index:Box 'box-9'"):
        workshop.engine(box("theirs", options(id="box-9"))).up()


def test_another_stacks_outputs_are_at_hand_and_its_secrets_stay_secret(
    workshop: Workshop,
) -> None:
    def others(name: str) -> tuple[Properties, frozenset[str]]:
        assert name == "organization/other/dev"
        return {"zone": "blue", "key": "very-secret"}, frozenset({"key"})

    def program() -> None:
        other = pulumi.StackReference("organization/other/dev")
        pulumi.export("zone", other.require_output("zone"))
        pulumi.export("key", other.require_output("key"))

    result = workshop.engine(program, others).up()
    assert result.outputs == {"zone": "blue", "key": "very-secret"}
    assert result.secret_outputs == {"key"}


def test_an_explicit_provider_serves_the_resources_that_name_it(
    workshop: Workshop,
) -> None:
    class ShelfSettings(pulumi.ProviderResource):
        def __init__(self, name: str, props: dict[str, object]) -> None:
            super().__init__("shelf", name, props)

    def program() -> None:
        other = ShelfSettings("far", {"region": "far"})
        Box("b", options(provider=other))

    assert ops(workshop.engine(program).preview()) == {"far": "create", "b": "create"}
    assert ops(workshop.engine(program).up()) == {"far": "create", "b": "create"}
    assert workshop.configured[-1] == ("shelf", {"region": "far"})
    assert workshop.engine(program).up().changes_nothing
    workshop.engine().destroy()
    assert workshop.shelf.boxes == {}


@pytest.mark.parametrize(
    ("program", "what"),
    [
        (box("b", options(import_="box-1")), "import"),
        (box("b", kind="other:index:Thing"), "no package other"),
        (box("b", gadget=1), "a box has no gadget"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    workshop: Workshop, program: object, what: str
) -> None:
    with pytest.raises(AnalemmaError, match=what):
        workshop.engine(program).up()  # type: ignore[arg-type] # lambdas of the table
    assert workshop.shelf.boxes == {}


def test_hooks_are_refused_by_name(workshop: Workshop) -> None:
    def program() -> None:
        hook = pulumi.ResourceHook("shout", lambda args: None)
        Box("b", options(hooks=pulumi.ResourceHookBinding(after_create=[hook])))

    with pytest.raises(Unsupported, match="resource hook 'shout'"):
        workshop.engine(program).up()


def test_the_programs_log_is_passed_on(workshop: Workshop) -> None:
    def program() -> None:
        pulumi.log.info("hello")
        pulumi.log.warn("careful")
        pulumi.log.debug("noise")

    workshop.engine(program).preview()
    assert workshop.said == [("info", "hello"), ("warning", "careful")]


def test_an_async_program_is_run_to_its_end(workshop: Workshop) -> None:
    async def main() -> dict[str, pulumi.Output[str]]:
        return {"address": Box("b").address}

    result = workshop.engine(lambda: pulumi.run(main)).up()
    assert result.outputs == {"address": "shelf/box-1"}


def test_autonaming_follows_the_stacks_setting(workshop: Workshop) -> None:
    workshop.config = {"pulumi:autonaming": '{"pattern": "${name}-${stack}-${hex(4)}"}'}
    workshop.engine(box("b")).up()
    (name,) = workshop.shelf.names()
    prefix, digits = name[:6], name[6:]
    assert prefix == "b-dev-"
    assert len(digits) == 4
    workshop.engine(box("b", colour="new")).up()
    (after,) = workshop.shelf.names()
    assert after != name


def test_a_transform_sees_and_may_take_off_every_option(workshop: Workshop) -> None:
    seen: list[pulumi.ResourceOptions] = []

    def free(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        seen.append(args.opts)
        return pulumi.ResourceTransformResult(args.props, options())

    def program() -> None:
        first = Box("first")
        Box(
            "second",
            options(
                transforms=[free],
                protect=True,
                retain_on_delete=True,
                delete_before_replace=True,
                depends_on=[first],
                ignore_changes=["label"],
            ),
        )

    workshop.engine(program).up()
    (opts,) = seen
    assert (opts.protect, opts.retain_on_delete) == (True, True)
    assert opts.delete_before_replace is True
    assert opts.ignore_changes == ["label"]
    workshop.engine().destroy()
    assert workshop.shelf.boxes == {}


def test_what_the_embedded_cloud_cannot_do_is_refused_where_it_is_asked(
    workshop: Workshop,
) -> None:
    def package() -> None:
        pulumi.runtime.settings.SETTINGS.monitor.RegisterPackage(
            resource_pb2.RegisterPackageRequest(name="odd")
        )

    def error_hook() -> None:
        hook = pulumi.ErrorHook("again", lambda args: True)
        Box("b", options(hooks=pulumi.ResourceHookBinding(on_error=[hook])))

    for program, what in ((package, "package 'odd'"), (error_hook, "hook 'again'")):
        with pytest.raises(Unsupported, match=what):
            workshop.engine(program).up()


def test_a_resource_reference_finds_the_resource_again(workshop: Workshop) -> None:
    urn = "urn:pulumi:dev::shop::shelf:index:Box::b"

    def program() -> None:
        def look(_address: str) -> object:
            return pulumi.runtime.invoke("pulumi:pulumi:getResource", {"urn": urn})

        found = Box("b", label="found").address.apply(look)
        pulumi.export("label", found.apply(lambda answer: answer["state"]["label"]))

    assert workshop.engine(program).up().outputs == {"label": "found"}


def test_what_exists_can_be_asked(workshop: Workshop) -> None:
    workshop.shelf.put({"name": "foreign"})
    ask = "box-1", "box-9"
    found: list[bool] = []

    def program() -> None:
        for box_id in ask:
            answer = pulumi.runtime.settings.SETTINGS.monitor.ExistsResource(
                resource_pb2.ExistsResourceRequest(type="shelf:index:Box", id=box_id)
            )
            found.append(answer.exists)

    workshop.engine(program).preview()
    assert found == [True, False]


def test_a_name_that_an_alias_has_taken_over_is_not_given_twice(
    workshop: Workshop,
) -> None:
    workshop.engine(box("old")).up()

    def program() -> None:
        renamed = Box("new", options(aliases=[pulumi.Alias(name="old")]))
        Box("old", options(depends_on=[renamed]))

    with pytest.raises(DeploymentFailed, match=r"duplicate resource .*::old"):
        workshop.engine(program).up()
    assert len(workshop.shelf.boxes) == 1
