"""What the service says of itself in OpenAPI holds, by schemathesis."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from segmentry.serve._app import build_app
from segmentry.serve._live import LiveRun
from segmentry.serve._metrics import Metrics


@pytest.mark.parametrize("name", ["plain_run", "attribute_run"])
def test_schemathesis_finds_nothing(name, request):
    """Requests that fit and requests that do not: status, type, schema and refusal of each."""
    n_examples = 500 if request.config.getoption("--thorough") else 6
    live = LiveRun(request.getfixturevalue(name).folder, has_users=True)
    app = build_app(live, Metrics(), has_users=True)
    operations = [
        each.ok()
        for each in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()
    ]
    asked = []

    for operation in operations:
        takes_something = operation.body or operation.path_parameters
        for mode in GenerationMode if takes_something else [GenerationMode.POSITIVE]:

            @settings(
                max_examples=n_examples,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def holds(case):
                asked.append((case.operation.label, case.call_and_validate().status_code))

            holds()

    assert {label for label, _ in asked} == {each.label for each in operations}
    assert {status for label, status in asked if label == "POST /score"} >= {200, 422}
