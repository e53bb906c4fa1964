import pytest

from emulator_deployments import Lambdas, Machines
from emulator_fixture import Emulator
from emulator_fixture import emulator as emulator
from emulator_fixture import emulator_server as emulator_server


@pytest.fixture
def lambdas(emulator: Emulator) -> Lambdas:
    return Lambdas(emulator)


@pytest.fixture
def machines(emulator: Emulator) -> Machines:
    return Machines(emulator)
