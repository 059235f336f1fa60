"""`GET /admin/reconciliation`: what a carrier was handed, as a CSV that is streamed, for operators and viewers."""

import csv
import gc
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from claimed_messages import sent
from houses import a_configuration, hashed
from quart import g

from gateway.api.admin.reconciliation import MOST_AT_A_TIME, ReconciliationCall
from gateway.api.problems import Problem
from gateway.desk.operators import Operators

Build = Callable[..., dict[str, Any]]
TODAY = datetime.now(UTC).date()
DAYS = f"from={TODAY - timedelta(days=1)}&to={TODAY + timedelta(days=1)}"
ASK = f"/admin/reconciliation?carrier=telco&{DAYS}"


@pytest.fixture
def configuration() -> dict[str, Any]:
    tokens = [
        {"sha256": hashed("operator-token-of-tests")},
        {"sha256": hashed("viewer-token-of-tests"), "name": "support", "role": "viewer"},
    ]
    return a_configuration(operator={"tokens": tokens})


async def lines(answer: Any) -> list[dict[str, str]]:
    text = (await answer.get_data()).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_each_segment_is_a_line_of_a_csv(house: Any, a_message: Build) -> None:
    message = await sent(house, a_message(client_id='=cmd|"x"'))
    answer = await house.operator().get(ASK)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/csv")
    assert "attachment; filename=" in answer.headers["Content-Disposition"]
    (line,) = await lines(answer)
    assert (line["message_id"], line["billed_as"], line["number"]) == (message, "unreported", "34600000001")
    assert line["client_id"] == '\'=cmd|"x"'
    assert "1234" not in str(line).replace(message, ""), "texts are no part of a bill"


async def test_sums_are_asked_for_by_detail(house: Any, a_message: Build) -> None:
    await sent(house, a_message())
    day, total = await lines(await house.operator().get(f"{ASK}&detail=totals&zone=Europe/Madrid"))
    assert (day["country"], day["account"], day["submitted"], day["accepted"]) == ("ES", "shop", "1", "1")
    assert (total["day"], total["unreported"]) == ("total", "1")


async def test_a_viewer_sees_masked_numbers(house: Any, a_message: Build) -> None:
    await sent(house, a_message())
    (line,) = await lines(await house.operator("viewer-token-of-tests").get(ASK))
    assert line["number"] == "34•••••••01"


async def test_the_file_is_named_by_the_days_of_the_zone(house: Any) -> None:
    period = "from=2026-11-01&to=2026-11-30&zone=Asia/Tokyo"
    answer = await house.operator().get(f"/admin/reconciliation?carrier=telco&{period}")
    assert 'filename="telco-2026-11-01-2026-11-30-messages.csv"' in answer.headers["Content-Disposition"]


async def test_callers_and_strangers_see_nothing(house: Any) -> None:
    for token in (None, "shop"):
        assert (await house.operator(token).get(ASK)).status_code == 401
    assert (await house.client().get(ASK)).status_code == 404


async def test_retentions_edge_is_told(house: Any) -> None:
    answer = await house.operator().get(ASK)
    edge = datetime.fromisoformat(answer.headers["Complete-From"])
    kept = timedelta(seconds=house.settings.retention.messages)
    assert abs(datetime.now(UTC) - kept - edge) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-11-01&to=2026-11-02", "carrier"),
        ("carrier=telco&to=2026-11-02", "from"),
        ("carrier=telco&from=2026-11-01", "to"),
        ("carrier=telco&from=yesterday&to=2026-11-02", "from"),
        ("carrier=telco&from=0001-01-01T00:00:00%2B14:00&to=0001-01-02", "from"),
        ("carrier=telco&from=2026-11-01&to=2026-13-02", "to"),
        ("carrier=telco&from=2026-11-02&to=2026-11-01", "to"),
        ("carrier=telco&from=2024-11-01&to=2026-11-01", "to"),
        ("carrier=telco&from=2026-11-01&to=2026-11-02&zone=Mars", "zone"),
        ("carrier=telco&from=2026-11-01&to=2026-11-02&detail=all", "detail"),
        ("carrier=telco&from=2026-11-01&to=2026-11-02&format=xlsx", "format"),
    ],
)
async def test_what_cannot_be_meant_names_its_field(house: Any, query: str, field: str) -> None:
    answer = await house.operator().get(f"/admin/reconciliation?{query}")
    assert answer.status_code == 422
    assert field in (await answer.get_json())["fields"]


async def test_a_carrier_that_never_was_is_404(house: Any) -> None:
    assert (await house.operator().get(ASK.replace("telco", "nobody"))).status_code == 404


async def test_only_two_are_read_at_a_time(house: Any) -> None:
    call = ReconciliationCall(house.desks.reconciliation)
    async with house.operator_app.test_request_context(ASK):
        g.operator = Operators(house.settings).by_secret("operator-token-of-tests")
        running = [await call.reconciliation() for _ in range(MOST_AT_A_TIME)]
        with pytest.raises(Problem, match="too-many-connections"):
            await call.reconciliation()
        running.pop()
        gc.collect()
        assert await call.reconciliation(), "its place is given back when the caller has gone"
