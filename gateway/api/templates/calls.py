"""PUT, GET and DELETE /v1/templates: the named templates of an account.

What a template may hold is gateway.rules.named_templates'; where they are kept, gateway.flows.templates'.
"""

from msgspec import json
from quart import Response, g, request

from gateway.api.base import json_response, no_content
from gateway.api.bodies import decode, read_json
from gateway.api.problem_types import NOT_AN_OBJECT, NOT_FOUND, TOO_MANY_TEMPLATES
from gateway.api.problems import Problem, invalid_field, invalid_fields
from gateway.api.queries import not_a_cursor, paging, parameters
from gateway.api.templates.schemas import Template, TemplateList
from gateway.flows.templates import MOST_TEMPLATES, KeptTemplate, TemplatesOfAll
from gateway.rules.faults import FaultCode, ItemErrors
from gateway.rules.named_templates import NAME, check_template
from gateway.rules.timestamps import rfc3339
from gateway.store.templates.interface import TemplatePut, TemplateStore


class TemplateCalls:
    def __init__(self, store: TemplateStore, templates: TemplatesOfAll) -> None:
        self._store = store
        self._templates = templates

    async def put_template(self, account: str, name: str) -> Response:
        body = decode(await read_json(request))
        if not isinstance(body, dict):
            raise Problem(NOT_AN_OBJECT, 'Send one object, such as {"text": "Your code is {code}"}.')
        if not NAME.fullmatch(name):
            words = "must be 1 to 64 of a-z, 0-9, _, . and -, a letter or digit first"
            raise invalid_field("name", words, FaultCode.NOT_A_NAME.value)
        template = check_template(body)
        if isinstance(template, ItemErrors):
            raise invalid_fields(template.fields, template.codes, done="Nothing was changed")
        outcome = await self._templates.put(self._store, account, name, template, g.request_id)
        if outcome is TemplatePut.TOO_MANY:
            raise Problem(TOO_MANY_TEMPLATES, f"The account has {MOST_TEMPLATES:,} templates, which are the most.")
        kept = self._templates.get(account, name)
        if kept is None:
            raise _no_template()  # deleted since
        is_new = outcome is TemplatePut.CREATED
        headers = {"Location": f"/v1/templates/{name}"} if is_new else None
        return json_response(json.encode(_shown(kept)), 201 if is_new else 200, headers)

    async def list_templates(self, account: str) -> Response:
        given = parameters(request, "limit", "cursor")
        cursor = given.pop("cursor", "")
        limit, _ = paging(given)
        if cursor and not NAME.fullmatch(cursor):
            raise not_a_cursor()
        found = self._templates.after(account, cursor, limit + 1)
        more = found[limit - 1].name if len(found) > limit else None
        return json_response(json.encode(TemplateList([_shown(kept) for kept in found[:limit]], more)))

    async def get_template(self, account: str, name: str) -> Response:
        kept = self._templates.get(account, name)
        if kept is None:
            raise _no_template()
        return json_response(json.encode(_shown(kept)))

    async def delete_template(self, account: str, name: str) -> Response:
        if not await self._templates.delete(self._store, account, name, g.request_id):
            raise _no_template()
        return no_content()


def _no_template() -> Problem:
    return Problem(NOT_FOUND, "This account has no template with this name.")


def _shown(kept: KeptTemplate) -> Template:
    template = kept.template
    return Template(
        kept.name,
        template.text,
        template.locales,
        list(template.required),
        template.spintax,
        template.defaults,
        template.fields,
        template.variants,
        rfc3339(kept.created_at),
        rfc3339(kept.updated_at),
    )
