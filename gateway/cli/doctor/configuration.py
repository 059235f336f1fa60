"""The configuration, as `sluice check` judges it: every fault and every caution, each with its key."""

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.settings import ConfigurationError, ignored_variables
from gateway.settings.cautions import cautions
from gateway.settings.countries import country_cautions

NAME = "configuration"
_find = Findings(NAME)


def faults(error: ConfigurationError) -> list[Finding]:
    """Of one that can't be run with."""
    return [
        _find.fault(
            f"{problem.origin}",
            f"{problem.key} {problem.reason}".strip(),
            "mend that key as its reason says; until then neither a start nor a reload takes the file",
        )
        for problem in error.problems
    ]


async def check(case: Case) -> list[Finding]:
    settings = case.settings
    tables = {"carrier": settings.carriers, "route": settings.routes, "account": settings.accounts}
    counts = [f"{len(table)} {name}{'' if len(table) == 1 else 's'}" for name, table in tables.items()]
    found = [_find.ok(str(case.config), f"is valid: {', '.join(counts)}")]
    for carrier in settings.carriers.values():
        found += [
            _find.warning(f"carriers.{carrier.name}", caution, "change it, or leave it where the carrier wants it so")
            for caution in cautions(carrier)
        ]
    for caution in country_cautions(settings):
        found.append(_find.warning("countries", caution, "docs/numbers-and-senders.md tells what each rule needs"))
    if not settings.operator.tokens:
        remedy = 'write a token into a file and name it: [operator] tokens = [{ file = "operator_token" }]'
        found.append(_find.warning("operator.tokens", "is empty, so /admin stays closed to everybody", remedy))
    for name in ignored_variables(case.environ):
        remedy = "unset it, or correct its name: SLUICE_SECTION__KEY"
        found.append(_find.note(f"${name}", "is set and sets nothing here", remedy))
    return found
