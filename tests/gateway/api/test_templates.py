"""The calls about templates, and messages made of them."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from houses import House, house_of

from gateway.flows.templates import MOST_TEMPLATES, TemplatesOfAll
from gateway.rules.named_templates import NamedTemplate
from gateway.store.interface import StoreBusy
from gateway.store.templates.interface import TemplatePut, TemplateRow

CODE = {
    "text": "Hi {name}, code {code}",
    "locales": {"es": "Hola {name}: {code}"},
    "required": ["code"],
    "defaults": {"name": "you"},
}


async def put(house: House, name: str = "code", body: Any = None, token: str = "shop") -> Any:
    return await house.client(token).call("PUT", f"/v1/templates/{name}", json=CODE if body is None else body)


async def sent(house: House, **item: Any) -> Any:
    answer = await house.client().post("/v1/sms", json={"to": "+34600000001", **item})
    return answer.status_code, await answer.get_json()


async def names(house: House, token: str = "shop") -> list[str]:
    answer = await house.client(token).get("/v1/templates")
    return [entity["name"] for entity in (await answer.get_json())["entities"]]


async def test_a_template_is_made_shown_replaced_and_deleted(house: House) -> None:
    made = await put(house)
    assert (made.status_code, made.headers["Location"]) == (201, "/v1/templates/code")
    kept = await made.get_json()
    assert {name: kept[name] for name in CODE} == CODE
    assert (kept["fields"], kept["variants"], kept["spintax"]) == (["code", "name"], 1, False)
    assert await (await house.client().get("/v1/templates/code")).get_json() == kept
    replaced = await put(house, body={"text": "{a|b}", "spintax": True})
    now = await replaced.get_json()
    assert (replaced.status_code, now["variants"], now["created_at"]) == (200, 2, kept["created_at"])
    gone = await house.client().call("DELETE", "/v1/templates/code")
    assert (gone.status_code, await gone.get_data()) == (204, b"")
    assert not {"Content-Type", "Content-Length"} & set(gone.headers)
    for method in ("GET", "DELETE"):
        answer = await house.client().call(method, "/v1/templates/code")
        assert (answer.status_code, (await answer.get_json())["code"]) == (404, "not_found")


async def test_a_list_goes_by_name_in_pages(house: House) -> None:
    for name in ("b", "a.1", "c-2", "a"):
        await put(house, name)
    assert await names(house) == ["a", "a.1", "b", "c-2"]
    page = await (await house.client().get("/v1/templates?limit=3")).get_json()
    assert ([entity["name"] for entity in page["entities"]], page["next_cursor"]) == (["a", "a.1", "b"], "b")
    page = await (await house.client().get("/v1/templates?limit=3&cursor=b")).get_json()
    assert ([entity["name"] for entity in page["entities"]], page["next_cursor"]) == (["c-2"], None)
    for query in ("limit=0", "cursor=No!", "name=a"):
        assert (await house.client().get(f"/v1/templates?{query}")).status_code == 422


async def test_each_account_has_its_own(house: House) -> None:
    await put(house)
    assert await names(house, "other") == []
    assert (await house.client("other").get("/v1/templates/code")).status_code == 404
    assert (await house.client("other").call("DELETE", "/v1/templates/code")).status_code == 404
    assert await names(house) == ["code"]


async def test_who_may_only_read_changes_nothing(house: House) -> None:
    assert (await put(house, token="shop-read")).status_code == 403
    assert (await house.client("shop-read").call("DELETE", "/v1/templates/code")).status_code == 403
    assert await names(house, "shop-read") == []


@pytest.mark.parametrize("name", ["Code", "-a", "a" * 65, "a b", "é", ".a"])
async def test_a_name_that_is_none_is_refused(house: House, name: str) -> None:
    answer = await put(house, name)
    assert (answer.status_code, (await answer.get_json())["codes"]) == (422, {"name": ["not_a_name"]})
    assert (await house.client().get(f"/v1/templates/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [([CODE], "not_an_object"), ("x", "not_an_object"), ({"text": "{"}, "invalid_fields"), ({}, "invalid_fields")],
)
async def test_a_body_that_is_no_template_changes_nothing(house: House, body: Any, code: str) -> None:
    answer = await put(house, body=body)
    problem = await answer.get_json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert await names(house) == []


async def test_too_many_templates_are_refused(house: House) -> None:
    async with trio.open_nursery() as nursery:
        for n in range(MOST_TEMPLATES):
            row = TemplateRow("shop", f"t{n}", '{"text":"x"}', 1, 1)
            nursery.start_soon(partial(house.store.put_template, row, most=MOST_TEMPLATES, request_id=1))
    answer = await put(house, "one-more")
    assert (answer.status_code, (await answer.get_json())["code"]) == (409, "too_many_templates")
    assert await names(house) == []


async def test_a_message_is_made_of_a_template_in_its_language(house: House) -> None:
    await put(house)
    status, message = await sent(house, template="code", variables={"code": 7}, locale="es-MX")
    assert (status, message["text"]) == (201, "Hola you: 7")
    await put(house, body={"text": "Other"})
    found = await (await house.client().get(f"/v1/sms/{message['id']}")).get_json()
    assert (found["text"], found["variant"], found["campaign_id"]) == ("Hola you: 7", None, None)


async def test_a_missing_variable_refuses_the_message_and_names_it(house: House) -> None:
    await put(house)
    status, problem = await sent(house, template="code")
    assert (status, problem["codes"]) == (422, {"variables.code": ["missing"]})
    status, problem = await sent(house, template="cod", variables={"code": 7})
    assert (status, problem["codes"]) == (422, {"template": ["unknown_template"]})


async def test_in_a_bulk_only_the_items_with_a_missing_variable_are_refused(house: House) -> None:
    await put(house)
    items = [{"to": f"+3460000000{n}", "template": "code", "variables": {"code": n} if n % 2 else {}} for n in range(4)]
    answer = await (await house.client().post("/v1/sms/bulk", json=items)).get_json()
    assert [entity["text"] for entity in answer["entities"]] == ["Hi you, code 1", "Hi you, code 3"]
    assert {error["index"]: error["codes"] for error in answer["errors"]} == {
        0: {"variables.code": ["missing"]},
        2: {"variables.code": ["missing"]},
    }


async def test_the_chosen_variant_is_told_by_look_ups_events_and_previews(house: House) -> None:
    item = {"text": "{Hello|Hi} {name}", "spintax": True, "variables": {"name": "Bob"}, "client_id": "a-1"}
    _, message = await sent(house, **item)
    variant = message["text"].removesuffix(" Bob")
    assert variant in ("Hello", "Hi")
    assert (await (await house.client().get(f"/v1/sms/{message['id']}")).get_json())["variant"] == variant
    listed = await (await house.client().get("/v1/sms?client_id=a-1")).get_json()
    assert listed["entities"][0]["variant"] == variant
    await house.client().post(f"/v1/sms/{message['id']}/cancel")
    events = await (await house.client().get("/v1/events")).get_json()
    assert events["entities"][0]["event"]["data"]["variant"] == variant
    preview = await house.client().post("/v1/sms/preview", json={"to": "+34600000001", **item})
    found = await preview.get_json()
    assert (found["text"], found["variant"], found["transliterated"]) == (message["text"], variant, None)


async def test_a_preview_of_a_named_template_shows_its_text(house: House) -> None:
    await put(house)
    item = {"to": "+34600000001", "template": "code", "variables": {"code": "é🙂"}, "allow_unicode": True}
    found = await (await house.client().post("/v1/sms/preview", json=item)).get_json()
    assert found["text"] == "Hi you, code é🙂"
    assert [one["position"] for one in found["unicode_characters"]] == [15]


async def test_a_repeat_of_a_key_gets_the_first_answer_though_the_template_is_gone(house: House) -> None:
    await put(house)
    call = {"json": {"to": "+34600000001", "template": "code", "variables": {"code": 1}}}
    first = await house.client().post("/v1/sms", headers={"Idempotency-Key": "k"}, **call)
    await house.client().call("DELETE", "/v1/templates/code")
    again = await house.client().post("/v1/sms", headers={"Idempotency-Key": "k"}, **call)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await again.get_json() == await first.get_json()


async def test_templates_are_there_again_after_a_restart(configuration: dict[str, Any], tmp_path: Path) -> None:
    async with house_of(configuration, tmp_path) as house:
        await put(house)
        shown = await (await house.client().get("/v1/templates/code")).get_json()
    async with house_of(configuration, tmp_path) as house:
        assert await (await house.client().get("/v1/templates/code")).get_json() == shown


class SlowStore:
    """Keeps templates once it is told to."""

    def __init__(self) -> None:
        self.go = trio.Event()
        self.kept: list[str] = []

    async def put_template(self, template: Any, **_: Any) -> Any:
        await self.go.wait()
        self.kept.append(template.body)
        return TemplatePut.REPLACED

    async def delete_template(self, account: str, name: str, *, request_id: int) -> bool:
        raise StoreBusy

    async def all_templates(self) -> list[Any]:
        return []


async def test_a_caller_that_hangs_up_leaves_memory_as_the_disk_is() -> None:
    store, book = SlowStore(), TemplatesOfAll(["shop"])
    template = NamedTemplate("Hello", {}, (), False, {})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(book.put, store, "shop", "a", template, 1)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        store.go.set()
    assert len(store.kept) == 1
    assert dict(book.of("shop")) == {"a": template}
    with pytest.raises(StoreBusy):
        await book.delete(store, "shop", "a", 1)
    assert "a" in book.of("shop")
