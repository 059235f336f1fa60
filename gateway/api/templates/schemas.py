"""The JSON of named templates, as structs that describe it in /openapi.json; answers are rendered by them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.api.description.schemas import NextCursor, Time
from gateway.rules.named_templates import MOST_FIELDS, MOST_LOCALES
from gateway.rules.template_syntax import MOST_CHARACTERS

Text = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS)]
Value = str | int | float | bool


class NewTemplate(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A template to keep under a name."""

    text: Annotated[
        Text,
        Meta(
            description="With `{field}`, `{field:default}`, `{{` and `}}` for braces, and `{Hello|Hi}` where `spintax` "
            "is set."
        ),
    ]
    locales: Annotated[
        Annotated[dict[str, Text], Meta(max_length=MOST_LOCALES)] | UnsetType | None,
        Meta(description="The same in other languages, by `es` or `es-MX`; `es` serves all that begin so."),
    ] = UNSET
    required: Annotated[
        Annotated[list[str], Meta(max_length=MOST_FIELDS)] | UnsetType | None,
        Meta(description="Fields that each message has to give, whichever text it gets."),
    ] = UNSET
    spintax: Annotated[
        bool | UnsetType | None, Meta(description="Whether `{Hello|Hi}` is a choice, made by the recipient's number.")
    ] = UNSET
    defaults: Annotated[
        Annotated[dict[str, Value], Meta(max_length=MOST_FIELDS)] | UnsetType | None,
        Meta(description="Values of fields that a message does not give."),
    ] = UNSET


class Template(Struct):
    """A template as it is kept."""

    name: str
    text: str
    locales: dict[str, str]
    required: list[str]
    spintax: bool
    defaults: dict[str, Value]
    fields: Annotated[list[str], Meta(description="All fields of its texts, in alphabetical order.")]
    variants: Annotated[int, Meta(description="How many texts `text` may become by its choices.")]
    created_at: Time
    updated_at: Time


class TemplateList(Struct):
    """One page, by name."""

    entities: list[Template]
    next_cursor: NextCursor
