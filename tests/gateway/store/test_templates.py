"""Named templates are on disk when the call returns, audited, and stay until they are deleted."""

from gateway.store.templates.interface import TemplatePut, TemplateRow


def a_template(name="code", account="shop", body='{"text":"Hello"}', at=1_000):
    return TemplateRow(account, name, body, at, at)


async def test_a_template_is_created_then_replaced_and_keeps_the_time_it_was_made(bench):
    put = bench.store.put_template
    assert await put(a_template(), most=5, request_id=1) is TemplatePut.CREATED
    assert await put(a_template(body="{}", at=2_000), most=5, request_id=2) is TemplatePut.REPLACED
    assert await bench.store.all_templates() == [TemplateRow("shop", "code", "{}", 1_000, 2_000)]


async def test_accounts_have_templates_of_their_own(bench):
    for account in ("shop", "other"):
        assert await bench.store.put_template(a_template(account=account), most=5, request_id=1) is TemplatePut.CREATED
    assert not await bench.store.delete_template("third", "code", request_id=1)
    assert await bench.store.delete_template("shop", "code", request_id=1)
    assert [row.account for row in await bench.store.all_templates()] == ["other"]


async def test_an_account_can_have_no_more_than_it_may_but_can_replace(bench):
    put = bench.store.put_template
    for name in ("a", "b"):
        await put(a_template(name), most=2, request_id=1)
    assert await put(a_template("c"), most=2, request_id=1) is TemplatePut.TOO_MANY
    assert await put(a_template("b"), most=2, request_id=1) is TemplatePut.REPLACED
    assert await put(a_template("c", account="other"), most=2, request_id=1) is TemplatePut.CREATED


async def test_each_change_is_audited_by_name_and_never_by_text(bench):
    await bench.store.put_template(a_template(), most=1, request_id=11)
    await bench.store.put_template(a_template("more"), most=1, request_id=12)
    await bench.store.delete_template("shop", "code", request_id=13)
    await bench.store.delete_template("shop", "code", request_id=14)
    rows = (await bench.store.audit(limit=50, cursor=None)).rows[::-1]
    assert [(row.who, row.request_id, row.what, row.outcome) for row in rows] == [
        ("account:shop", 11, "put_template", "code"),
        ("account:shop", 13, "delete_template", "code"),
    ]


async def test_templates_outlive_the_process_and_retention(open_store):
    async with open_store() as bench:
        await bench.store.put_template(a_template(), most=5, request_id=1)
        for _ in range(5):
            await bench.after(100 * 24 * 3_600_000)
    async with open_store() as bench:
        assert await bench.store.all_templates() == [a_template()]
