"""What a restore holds, as operators ask about it over HTTP; viewers look, and release nothing."""

import sqlite3

import pytest
from houses import hashed

from gateway.identifiers import now_ms
from gateway.store.backups import copying, restoring
from gateway.store.connection import migrate

VICTOR = "victors-token-of-tests"
DAY = 86_400_000
_INSERT = (
    "INSERT INTO messages (id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, "
    "segments, allow_unicode, expires_at) "
    "VALUES (?, 'shop', 1, 1, ?, 1, ?, 'SHOP', '+34600000001', 'hi', 'gsm7', 1, 0, ?)"
)


@pytest.fixture(autouse=True)
def restored(configuration, tmp_path):
    """The store of the house comes from a backup, in which three messages waited."""
    configuration["operator"]["tokens"].append({"sha256": hashed(VICTOR), "name": "victor", "role": "viewer"})
    lost, backup = tmp_path / "lost.db", tmp_path / "backup.db"
    connection = sqlite3.connect(lost, isolation_level=None)
    migrate(connection)
    began = now_ms() - DAY
    for queue, lane in ((1, "otp"), (2, "promotional")):
        insert = "INSERT INTO queues (id, lane, route, account, ready) VALUES (?, ?, 'rest', 'shop', ?)"
        connection.execute(insert, (queue, lane, queue))
    for number, queue in enumerate((1, 2, 2)):
        connection.execute(_INSERT, (began + number << 20, queue, now_ms() + DAY, now_ms() + DAY))
    connection.close()
    copying.take(lost, backup, 99, room_left=0)
    restoring.restore(backup, tmp_path / "sluice.db", room_left=0)


async def told(answer, status=200):
    assert answer.status_code == status, await answer.get_data()
    return await answer.get_json()


async def test_what_is_held_is_shown_by_groups_and_in_the_status(house):
    held = (await told(await house.operator().get("/admin/held")))["held"]
    assert (held["total"], held["events"], held["backup"], held["orders"]) == (3, 0, "backup.db", [])
    assert [(one["lane"], one["state"], one["messages"]) for one in held["groups"]] == [
        ("otp", "queued", 1),
        ("promotional", "queued", 2),
    ]
    status = await told(await house.operator().get("/admin/status"))
    assert (status["backlog"], status["ready"]) == (0, 0)
    assert "held" in status


async def test_held_messages_are_listed_by_filters_and_masked_for_viewers(house):
    page = await told(await house.operator().get("/admin/held/messages?lane=otp&state=queued"))
    (entity,) = page["entities"]
    assert (entity["to"], entity["lane"], entity["state"]) == ("+34600000001", "otp", "queued")
    assert "text" not in entity
    page = await told(await house.operator(VICTOR).get("/admin/held/messages?limit=2"))
    assert {one["to"] for one in page["entities"]} == {"+34•••••••01"}
    rest = await told(await house.operator().get(f"/admin/held/messages?cursor={page['next_cursor']}"))
    assert len(page["entities"] + rest["entities"]) == 3


async def test_a_release_says_how_much_it_is_and_ends_the_hold(house):
    answer = await told(await house.operator().post("/admin/held/release", json={"lane": "otp"}), 202)
    assert answer == {"released": 1}
    ended = await told(await house.operator().post("/admin/held/end", json={}), 202)
    assert 2 <= ended["ended"] <= 3, "as it was counted, the first order may still be under way"
    audit = await told(await house.operator().get("/admin/audit?limit=3"))
    assert [row["what"] for row in audit["entities"]] == ["end_held", "release_held", "restore"]


async def test_a_viewer_releases_nothing(house):
    await told(await house.operator(VICTOR).post("/admin/held/release", json={}), 403)
    await told(await house.operator(VICTOR).get("/admin/held"))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lanes": "otp"}, "lanes"),
        ({"lanes": None}, "lanes"),
        ({"lane": ""}, "lane"),
        ({"lane": 1}, "lane"),
        ({"account": "\ud800"}, "account"),
        ({"state": "sent"}, "state"),
        ({"what": "all"}, "what"),
    ],
)
async def test_a_filter_that_makes_no_sense_releases_nothing(house, body, field):
    problem = await told(await house.operator().post("/admin/held/release", json=body), 422)
    assert list(problem["fields"]) == [field]
    assert (await told(await house.operator().get("/admin/held")))["held"]["total"] == 3


async def test_a_backup_that_was_taken_stands_in_the_audit(house):
    digest = "ab" * 32
    await told(await house.operator().post("/admin/backups", json={"name": "b.db", "sha256": digest}))
    for wrong in ({"name": "b.db"}, {"name": "b\0.db", "sha256": digest}):
        await told(await house.operator().post("/admin/backups", json=wrong), 422)
    audit = await told(await house.operator().get("/admin/audit?limit=1"))
    assert [(row["what"], row["outcome"]) for row in audit["entities"]] == [("backup", f"b.db sha256:{digest}")]
